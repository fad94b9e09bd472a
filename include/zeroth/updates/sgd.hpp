#pragma once

#include <zeroth/schedules/schedule.hpp>
#include <zeroth/updates/update_rule.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>

ZEROTH_BEGIN_NAMESPACE

/// Stochastic gradient descent with decoupled weight decay: ZO-SGD when the gradient is a zeroth-order estimate.
///
///   theta <- theta - eta (g + weight_decay theta)
///
/// Traversals: none of its own, the update fuses with the estimator's. State: 0 bytes a parameter.
/// Throws std::invalid_argument if the rate of a step is negative or not finite, or weight_decay is.
/// Source: Malladi et al., arXiv 2305.17333; Loshchilov and Hutter, arXiv 1711.05101.
struct Sgd {
    static constexpr std::string_view name = "sgd";
    using Step = PlainStep;
    using State = NoState;
    static constexpr bool of_gradient_alone = true;
    static constexpr std::size_t state_bytes_per_parameter = 0;

    /// eta: a number or a schedule. It scales with 1 / (number of trained weights): for full fine-tuning 1e-7 (billions of weights) to
    /// 1e-3 (hundreds of thousands).
    Schedule learning_rate = 1e-6;
    double weight_decay = 0;

    void validate() const {
        require_decay(weight_decay);
        static_cast<void>(rate(0));
    }
    /// eta at a step.
    [[nodiscard]] double rate(std::uint64_t step) const { return require_rate(learning_rate(step)); }
    [[nodiscard]] Descend<Step> move(const Estimate& estimate, const Key& key, State&, Gradient<Step>& gradient) const {
        append_terms(estimate, gradient);
        return {.rate = rate(key.step), .weight_decay = weight_decay, .key = key};
    }
};

ZEROTH_END_NAMESPACE
