#pragma once

#include <zeroth/random/scalar_lanes.hpp>
#include <zeroth/schedules/schedule.hpp>
#include <zeroth/updates/moments.hpp>
#include <zeroth/updates/term_window.hpp>
#include <zeroth/updates/update_rule.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

ZEROTH_BEGIN_NAMESPACE

/// m <- momentum m + g, u = m.
struct MomentumStep {
    static constexpr int coefficients = 1;
    static constexpr int scaled = 1;
    static constexpr int sums = 1;
    static constexpr bool is_device_copyable = true;

    double momentum = 0;
    MomentPlace mean{};
    /// The mean square of the m that it makes, and what |m| is at most for |z| <= 1.
    double square = 0;
    double largest = 0;

    template <class Visitor>
    ZEROTH_HOST_DEVICE constexpr void for_each_table(Visitor& visit) {
        visit(mean.begin);
    }
    template <class Visitor>
    void for_each_number(Visitor& visit) {
        visit(momentum);
        visit(square);
        visit(largest);
    }
    template <int Coefficients>
    [[nodiscard]] double size(std::span<const GradientTerm<Coefficients>>, double factor) const noexcept {
        return factor * std::sqrt(square);
    }
    template <int Coefficients>
    [[nodiscard]] StepBound bound(std::span<const GradientTerm<Coefficients>>) const noexcept { return {.slope = largest, .formed = largest}; }

    template <class Lanes, class Storage>
    struct Bound : PlainSum<Lanes, Storage> {
        using Compute = ComputeType<Storage>;
        using Real = typename Lanes::template Real<Compute>;

        Real momentum;
        MomentView<Lanes, Storage> mean;

        ZEROTH_HOST_DEVICE Bound(const MomentumStep& step, const BlockView&, std::size_t block) noexcept
            : momentum{Lanes::template broadcast_real<Compute>(step.momentum)}, mean{step.mean, block} {}

        template <class Count>
        ZEROTH_INLINE Real u(const Real&, const Real* sum, std::uint64_t element, Count count) const noexcept {
            const Real m = Lanes::product(momentum, mean.get(element, count)) + sum[0];
            mean.set(element, m, count);
            return m;
        }
    };
};

inline void require_momentum(double momentum) {
    require_setting(momentum >= 0 && momentum < 1, "momentum", momentum, "at least 0 and under 1");
}

/// Heavy-ball momentum.
///
///   m <- mu m + g;  theta <- theta - eta (m + weight_decay theta)
///
/// No bias correction: the step grows to 1 / (1 - mu) times that of Sgd at the same rate.
/// Traversals: none of its own; it reads and writes m in the update's. State: 4 bytes a parameter (8 for float64), fp32 whatever the
/// weights' type.
/// Throws std::invalid_argument if the rate of a step is negative or not finite, weight_decay is, or mu is not in [0, 1).
/// Source: ZO-SGD-MMT of Zhang et al., arXiv 2402.11592.
struct Momentum {
    static constexpr std::string_view name = "momentum";
    using Step = MomentumStep;
    static constexpr bool of_gradient_alone = true;
    static constexpr std::size_t state_bytes_per_parameter = 4;

    Schedule learning_rate = 1e-7;
    /// mu
    double momentum = 0.9;
    double weight_decay = 0;

    void validate() const {
        require_decay(weight_decay);
        require_momentum(momentum);
        static_cast<void>(rate(0));
    }
    /// m, its mean square, and its bound.
    struct State {
        Moment mean;
        double square = 0;
        double largest = 0;

        State(const Momentum&, std::span<const Block> blocks, std::size_t, const StateAllocator& allocator) : mean{blocks, allocator} {}
        void point(Step& step) const noexcept { step.mean = mean.place(); }
        template <class Fields>
        void for_each_field(Fields& fields) {
            fields.moment("m", mean);
            fields.number("mean square of m", square);
            fields.number("bound of m", largest);
        }
    };
    [[nodiscard]] double rate(std::uint64_t step) const { return require_rate(learning_rate(step)); }
    [[nodiscard]] Descend<Step> move(const Estimate& estimate, const Key& key, State& state, Gradient<Step>& gradient) const {
        append_terms(estimate, gradient);
        state.square = momentum * momentum * state.square + sum_of_squares(gradient);
        state.largest = momentum * state.largest + sum_of_magnitudes<1>(gradient);
        return {.rate = rate(key.step),
                .weight_decay = weight_decay,
                .key = key,
                .step = {momentum, state.mean.place(), state.square, state.largest}};
    }
};

/// Momentum without memory: m is formed anew in each update from the terms of the last `window` steps.
///
///   m = sum_{k < window} mu^k g_{t-k};  theta <- theta - eta (m + weight_decay theta)
///
/// It differs from Momentum by what is older than the window, mu^window of it: 3 % at the default.
/// Traversals: none of its own, but each update forms the directions of `window` steps. State: 0 bytes a parameter; the window's terms.
/// Throws std::invalid_argument as Momentum does, and if window is 0.
/// Source: ours, from replay.
struct WindowedMomentum {
    static constexpr std::string_view name = "windowed-momentum";
    using Step = PlainStep;
    static constexpr std::size_t state_bytes_per_parameter = 0;

    Schedule learning_rate = 1e-7;
    /// mu
    double momentum = 0.9;
    /// Steps remembered.
    std::size_t window = 32;
    double weight_decay = 0;

    void validate() const {
        require_decay(weight_decay);
        require_momentum(momentum);
        require_setting(window > 0, "window", static_cast<double>(window), "at least 1");
        static_cast<void>(rate(0));
    }
    /// The last steps' terms.
    struct State {
        TermWindow past;

        State(const WindowedMomentum& rule, std::span<const Block>, std::size_t max_terms, const StateAllocator&) : past{rule.window, max_terms} {}
        template <class Fields>
        void for_each_field(Fields& fields) {
            fields.window("past terms", past);
        }
    };
    [[nodiscard]] std::size_t max_terms(std::size_t of_estimate) const noexcept { return window * of_estimate; }
    [[nodiscard]] double rate(std::uint64_t step) const { return require_rate(learning_rate(step)); }
    [[nodiscard]] Descend<Step> move(const Estimate& estimate, const Key& key, State& state, Gradient<Step>& gradient) const {
        state.past.push(estimate.terms);
        double weight = 1;
        for (std::size_t age = 0; age < state.past.size(); ++age) {
            for (const Term& term : state.past.step(age)) {
                gradient.push_back({term.key, {ScalarLanes::product(weight, term.coefficient)}});
            }
            weight *= momentum;
        }
        return {.rate = rate(key.step), .weight_decay = weight_decay, .key = key};
    }
};

ZEROTH_END_NAMESPACE
