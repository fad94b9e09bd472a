#pragma once

#include <zeroth/random/scalar_lanes.hpp>
#include <zeroth/schedules/schedule.hpp>
#include <zeroth/updates/update_rule.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>

ZEROTH_BEGIN_NAMESPACE

/// u = sign(g).
struct SignStep {
    static constexpr int coefficients = 1;
    static constexpr int scaled = 1;
    static constexpr int sums = 1;
    static constexpr bool is_device_copyable = true;

    template <int Coefficients>
    [[nodiscard]] double size(std::span<const GradientTerm<Coefficients>> gradient, double factor) const noexcept {
        return factor * sum_of_squares(gradient) > 0 ? 1 : 0;
    }
    template <int Coefficients>
    [[nodiscard]] StepBound bound(std::span<const GradientTerm<Coefficients>> gradient) const noexcept {
        const double sum = sum_of_magnitudes(gradient);
        return {.slope = sum > 0 ? std::numeric_limits<double>::infinity() : 0, .cap = 1, .formed = sum};
    }

    template <class Lanes, class Storage>
    struct Bound : PlainSum<Lanes, Storage> {
        using Real = typename PlainSum<Lanes, Storage>::Real;

        ZEROTH_HOST_DEVICE Bound(const SignStep&, const BlockView&, std::size_t) noexcept {}

        template <class Count>
        ZEROTH_INLINE Real u(const Real&, const Real* sum, std::uint64_t, Count) const noexcept {
            return Lanes::sign(sum[0]);
        }
    };
};

/// Sign descent, weight by weight.
///
///   theta <- theta - eta (sign(g) + weight_decay theta),  sign(0) = 0
///
/// Every weight moves by eta, whatever the losses: eta is the size of the step, 1e-6 to 1e-4. With one query sign(g) is sign(c) sign(z),
/// so a Gaussian's magnitudes are lost.
/// Traversals: none of its own. State: 0 bytes a parameter.
/// Throws std::invalid_argument if the rate of a step is negative or not finite, or weight_decay is.
/// Source: ZO-SGD-Sign of Zhang et al., arXiv 2402.11592, whose code steps along sign(c) z instead (ScalarSignSgd), with AdamW.
struct SignSgd {
    static constexpr std::string_view name = "sign";
    using Step = SignStep;
    using State = NoState;
    static constexpr bool of_gradient_alone = true;
    static constexpr std::size_t state_bytes_per_parameter = 0;

    Schedule learning_rate = 1e-6;
    double weight_decay = 0;

    void validate() const {
        require_decay(weight_decay);
        static_cast<void>(rate(0));
    }
    [[nodiscard]] double rate(std::uint64_t step) const { return require_rate(learning_rate(step)); }
    [[nodiscard]] Descend<Step> move(const Estimate& estimate, const Key& key, State&, Gradient<Step>& gradient) const {
        append_terms(estimate, gradient);
        return {.rate = rate(key.step), .weight_decay = weight_decay, .key = key};
    }
};

/// Descent along the directions by the sign of their projected gradients.
///
///   theta <- theta - eta ((1/q) sum_j sign(c_j) z_j + weight_decay theta)
///
/// The losses decide only the way: robust to outliers, and to losses of any scale.
/// Traversals: none of its own. State: 0 bytes a parameter.
/// Throws std::invalid_argument if the rate of a step is negative or not finite, or weight_decay is.
/// Source: the public code of Zhang et al., arXiv 2402.11592, for ZO-SGD-Sign.
struct ScalarSignSgd {
    static constexpr std::string_view name = "scalar-sign";
    using Step = PlainStep;
    using State = NoState;
    static constexpr std::size_t state_bytes_per_parameter = 0;

    Schedule learning_rate = 1e-6;
    double weight_decay = 0;

    void validate() const {
        require_decay(weight_decay);
        static_cast<void>(rate(0));
    }
    [[nodiscard]] double rate(std::uint64_t step) const { return require_rate(learning_rate(step)); }
    [[nodiscard]] Descend<Step> move(const Estimate& estimate, const Key& key, State&, Gradient<Step>& gradient) const {
        for (const Term& term : estimate.terms) {
            const double sign = ScalarLanes::sign(term.coefficient);
            gradient.push_back({term.key, {sign / static_cast<double>(estimate.terms.size())}});
        }
        return {.rate = rate(key.step), .weight_decay = weight_decay, .key = key};
    }
};

ZEROTH_END_NAMESPACE
