#pragma once

#include <zeroth/schedules/schedule.hpp>
#include <zeroth/updates/moments.hpp>
#include <zeroth/updates/update_rule.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>

ZEROTH_BEGIN_NAMESPACE

/// m / (sqrt(v) + delta), m and v already corrected.
template <class Lanes, class Real>
ZEROTH_INLINE Real adam_quotient(const Real& m, const Real& v, const Real& delta) noexcept {
    return Lanes::quotient(m, Lanes::square_root(v) + delta);
}

/// Of that quotient for |z| <= 1: |m| is at most mean and, but for what v loses where squares underflow, ratio sqrt(v); g is at most gradient.
[[nodiscard]] inline StepBound adam_bound(double mean, double ratio, double gradient, double delta) noexcept {
    const double cap = ratio * (1 + 0x1p-12) + 0x1p-70 / delta;
    return {.slope = mean / delta,
            .cap = cap >= 0 ? cap : std::numeric_limits<double>::infinity(), // NaN where it is not known
            .formed = gradient > mean ? gradient : mean,
            .squares = gradient * gradient};
}

/// m <- b1 m + (1 - b1) g, v <- b2 v + (1 - b2) g^2, u = (m / c1) / (sqrt(v / c2) + delta).
struct AdamStep {
    static constexpr int coefficients = 1;
    static constexpr int scaled = 1;
    static constexpr int sums = 1;
    static constexpr bool is_device_copyable = true;

    double beta1 = 0, beta2 = 0;
    /// 1 / (1 - b^t)
    double correction1 = 1, correction2 = 1;
    double delta = 0;
    MomentPlace mean{}, square{};
    /// The mean squares of the m that it makes and of the gradients in v.
    double mean_square = 0, square_mean = 0;
    /// What |m| is at most for |z| <= 1.
    double mean_largest = 0;

    template <class Visitor>
    ZEROTH_HOST_DEVICE constexpr void for_each_table(Visitor& visit) {
        visit(mean.begin);
        visit(square.begin);
    }
    template <class Visitor>
    void for_each_number(Visitor& visit) {
        visit(beta1);
        visit(beta2);
        visit(correction1);
        visit(correction2);
        visit(delta);
        visit(mean_square);
        visit(square_mean);
        visit(mean_largest);
    }

    /// About: v is taken for its mean.
    template <int Coefficients>
    [[nodiscard]] double size(std::span<const GradientTerm<Coefficients>>, double factor) const noexcept {
        return correction1 * factor * std::sqrt(mean_square) / (factor * std::sqrt(correction2 * square_mean) + delta);
    }
    /// By Cauchy and Schwarz |m| is at most (1 - b1) sqrt(sum_k (b1^2 / b2)^k / (1 - b2)) times sqrt(v), over the t steps made.
    template <int Coefficients>
    [[nodiscard]] StepBound bound(std::span<const GradientTerm<Coefficients>> gradient) const noexcept {
        const double sum = sum_of_magnitudes(gradient);
        const double power1 = 1 - 1 / correction1;
        const double power2 = 1 - 1 / correction2;
        const double ratio = beta1 * beta1 / beta2;
        const double rest = power2 > 0 ? power1 * power1 / power2 : ratio < 1 ? 0 : std::numeric_limits<double>::infinity();
        const double series = ratio == 1 ? std::numeric_limits<double>::infinity() : (1 - rest) / (1 - ratio);
        return adam_bound(correction1 * mean_largest, correction1 * (1 - beta1) * std::sqrt(series / (correction2 * (1 - beta2))), sum, delta);
    }

    template <class Lanes, class Storage>
    struct Bound : PlainSum<Lanes, Storage> {
        using Compute = ComputeType<Storage>;
        using Real = typename Lanes::template Real<Compute>;

        Real beta1, rest1, beta2, rest2, correction1, correction2, delta;
        MomentView<Lanes, Storage> mean, square;

        ZEROTH_HOST_DEVICE Bound(const AdamStep& step, const BlockView&, std::size_t block) noexcept
            : beta1{Lanes::template broadcast_real<Compute>(step.beta1)},
              rest1{Lanes::template broadcast_real<Compute>(1 - step.beta1)},
              beta2{Lanes::template broadcast_real<Compute>(step.beta2)},
              rest2{Lanes::template broadcast_real<Compute>(1 - step.beta2)},
              correction1{Lanes::template broadcast_real<Compute>(step.correction1)},
              correction2{Lanes::template broadcast_real<Compute>(step.correction2)},
              delta{Lanes::template broadcast_real<Compute>(step.delta)}, mean{step.mean, block}, square{step.square, block} {}

        template <class Count>
        ZEROTH_INLINE Real u(const Real&, const Real* sum, std::uint64_t element, Count count) const noexcept {
            const Real& g = sum[0];
            const Real m = Lanes::product(beta1, mean.get(element, count)) + Lanes::product(rest1, g);
            const Real v = Lanes::product(beta2, square.get(element, count)) + Lanes::product(rest2, Lanes::product(g, g));
            mean.set(element, m, count);
            square.set(element, v, count);
            return adam_quotient<Lanes>(Lanes::product(correction1, m), Lanes::product(correction2, v), delta);
        }
    };
};

inline void require_betas(double beta1, double beta2, double delta) {
    require_setting(beta1 >= 0 && beta1 < 1, "beta1", beta1, "at least 0 and under 1");
    require_setting(beta2 >= 0 && beta2 < 1, "beta2", beta2, "at least 0 and under 1");
    require_setting(static_cast<float>(delta) > 0 && delta < 0x1p128, "delta", delta, "positive and finite"); // as a float, too
}

/// Adam; AdamW with a weight decay, which is decoupled.
///
///   m <- b1 m + (1 - b1) g;  v <- b2 v + (1 - b2) g^2
///   theta <- theta - eta [ (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + delta) + weight_decay theta ]
///
/// t counts the updates this rule has made.
/// Traversals: none of its own; it reads and writes m and v in the update's. State: 8 bytes a parameter (16 for float64), fp32 whatever the
/// weights' type: in fp16 v would underflow to 0.
/// Throws std::invalid_argument if the rate of a step is negative or not finite, weight_decay is, a beta is not in [0, 1) or delta is not
/// positive and finite.
/// Source: Kingma and Ba, arXiv 1412.6980; Loshchilov and Hutter, arXiv 1711.05101; ZO-Adam of Zhang et al., arXiv 2402.11592.
struct Adam {
    static constexpr std::string_view name = "adam";
    using Step = AdamStep;
    static constexpr bool of_gradient_alone = true;
    static constexpr std::size_t state_bytes_per_parameter = 8;

    Schedule learning_rate = 1e-4;
    double beta1 = 0.9;
    double beta2 = 0.999;
    /// Keeps the quotient finite.
    double delta = 1e-8;
    double weight_decay = 0;

    void validate() const {
        require_decay(weight_decay);
        require_betas(beta1, beta2, delta);
        static_cast<void>(rate(0));
    }
    [[nodiscard]] double rate(std::uint64_t step) const { return require_rate(learning_rate(step)); }

    /// m and v, b1^t and b2^t, the mean squares of m and of what is in v, and the bound of m.
    struct State {
        Moment mean, square;
        double power1 = 1, power2 = 1;
        double mean_square = 0, square_mean = 0;
        double mean_largest = 0;

        State(const Adam&, std::span<const Block> blocks, std::size_t, const StateAllocator& allocator)
            : mean{blocks, allocator}, square{blocks, allocator} {}
        void point(Step& step) const noexcept {
            step.mean = mean.place();
            step.square = square.place();
        }
        template <class Fields>
        void for_each_field(Fields& fields) {
            fields.moment("m", mean);
            fields.moment("v", square);
            fields.number("beta1^t", power1);
            fields.number("beta2^t", power2);
            fields.number("mean square of m", mean_square);
            fields.number("mean of v", square_mean);
            fields.number("bound of m", mean_largest);
        }
    };
    [[nodiscard]] Descend<Step> move(const Estimate& estimate, const Key& key, State& state, Gradient<Step>& gradient) const {
        append_terms(estimate, gradient);
        state.power1 *= beta1;
        state.power2 *= beta2;
        const double squares = sum_of_squares(gradient);
        state.mean_square = beta1 * beta1 * state.mean_square + (1 - beta1) * (1 - beta1) * squares;
        state.square_mean = beta2 * state.square_mean + (1 - beta2) * squares;
        state.mean_largest = beta1 * state.mean_largest + (1 - beta1) * sum_of_magnitudes<1>(gradient);
        return {.rate = rate(key.step),
                .weight_decay = weight_decay,
                .key = key,
                .step = {beta1, beta2, 1 / (1 - state.power1), 1 / (1 - state.power2), delta, state.mean.place(), state.square.place(),
                         state.mean_square, state.square_mean, state.mean_largest}};
    }
};

ZEROTH_END_NAMESPACE
