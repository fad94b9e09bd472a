#pragma once

#include <zeroth/schedules/schedule.hpp>
#include <zeroth/updates/adam.hpp>
#include <zeroth/updates/term_window.hpp>
#include <zeroth/updates/update_rule.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

ZEROTH_BEGIN_NAMESPACE

/// u = m / (sqrt(v) + delta), m and v weighted sums over steps of g_k and g_k^2, g_k formed from its terms.
struct WindowedAdamStep {
    /// c, then for the last term of a step the step's weights in m and v (0 for the others), and 0 for a step's first term (1 for the
    /// others), which the partial sum is multiplied by.
    static constexpr int coefficients = 4;
    static constexpr int scaled = 1;
    /// m, v, the step's g so far.
    static constexpr int sums = 3;
    static constexpr bool is_device_copyable = true;

    double delta = 0;

    template <class Visitor>
    void for_each_number(Visitor& visit) {
        visit(delta);
    }

    /// About: v is taken for its mean.
    [[nodiscard]] double size(std::span<const GradientTerm<4>> gradient, double factor) const noexcept {
        double mean_square = 0;
        double square_mean = 0;
        double of_step = 0;
        for (const GradientTerm<4>& term : gradient) {
            const double* const c = term.coefficient;
            of_step = c[0] * c[0] + c[3] * of_step;
            mean_square += c[1] * c[1] * of_step;
            square_mean += c[2] * of_step;
        }
        return factor * std::sqrt(mean_square) / (factor * std::sqrt(square_mean) + delta);
    }
    /// As Adam's: |m| is at most sqrt(sum_k w1_k^2 / w2_k) times sqrt(v), w1 and w2 being the steps' weights.
    [[nodiscard]] StepBound bound(std::span<const GradientTerm<4>> gradient) const noexcept {
        double mean = 0;
        double ratio = 0;
        double largest = 0;
        double of_step = 0;
        for (const GradientTerm<4>& term : gradient) {
            const double* const c = term.coefficient;
            of_step = std::abs(c[0]) + c[3] * of_step;
            largest = of_step > largest ? of_step : largest;
            mean += c[1] * of_step;
            ratio += c[1] != 0 ? c[1] * c[1] / c[2] : 0;
        }
        return adam_bound(mean, std::sqrt(ratio), largest, delta);
    }

    template <class Lanes, class Storage>
    struct Bound {
        using Compute = ComputeType<Storage>;
        using Real = typename Lanes::template Real<Compute>;

        Real delta;

        ZEROTH_HOST_DEVICE Bound(const WindowedAdamStep& step, const BlockView&, std::size_t) noexcept
            : delta{Lanes::template broadcast_real<Compute>(step.delta)} {}

        template <bool First>
        ZEROTH_INLINE static void accumulate(Real* sum, const Real& z, const Real* coefficient) noexcept {
            Real g = Lanes::product(coefficient[0], z);
            if constexpr (!First) {
                g = g + Lanes::product(coefficient[3], sum[2]);
            }
            const Real m = Lanes::product(coefficient[1], g);
            const Real v = Lanes::product(coefficient[2], Lanes::product(g, g));
            if constexpr (First) {
                sum[0] = m;
                sum[1] = v;
            } else {
                sum[0] = sum[0] + m;
                sum[1] = sum[1] + v;
            }
            sum[2] = g;
        }
        template <class Count>
        ZEROTH_INLINE Real u(const Real&, const Real* sum, std::uint64_t, Count) const noexcept {
            return adam_quotient<Lanes>(sum[0], sum[1], delta);
        }
    };
};

/// Adam without memory: both moments are formed anew in each update from the terms of the last `window` steps.
///
///   m = sum_k b1^k g_{t-k} / sum_k b1^k;  v = sum_k b2^k g_{t-k}^2 / sum_k b2^k,  k < window
///   theta <- theta - eta [ m / (sqrt(v) + delta) + weight_decay theta ]
///
/// Adam exactly for the first `window` steps; from then on without what is older, b^window of it.
/// Traversals: none of its own, but each update forms the directions of `window` steps. State: 0 bytes a parameter; the window's terms.
/// Throws std::invalid_argument as Adam does, and if window is 0.
/// Source: after AdaMeZO, arXiv 2605.00650, whose window and betas are the defaults.
struct WindowedAdam {
    static constexpr std::string_view name = "windowed-adam";
    using Step = WindowedAdamStep;
    static constexpr std::size_t state_bytes_per_parameter = 0;

    Schedule learning_rate = 1e-4;
    double beta1 = 0.7;
    double beta2 = 0.9;
    double delta = 1e-8;
    /// Steps remembered.
    std::size_t window = 10;
    double weight_decay = 0;

    void validate() const {
        require_decay(weight_decay);
        require_betas(beta1, beta2, delta);
        require_setting(window > 0, "window", static_cast<double>(window), "at least 1");
        static_cast<void>(rate(0));
    }
    /// The last steps' terms.
    struct State {
        TermWindow past;

        State(const WindowedAdam& rule, std::span<const Block>, std::size_t max_terms, const StateAllocator&) : past{rule.window, max_terms} {}
        template <class Fields>
        void for_each_field(Fields& fields) {
            fields.window("past terms", past);
        }
    };
    [[nodiscard]] std::size_t max_terms(std::size_t of_estimate) const noexcept { return window * of_estimate; }
    [[nodiscard]] double rate(std::uint64_t step) const { return require_rate(learning_rate(step)); }
    [[nodiscard]] Descend<Step> move(const Estimate& estimate, const Key& key, State& state, Gradient<Step>& gradient) const {
        TermWindow& past = state.past;
        past.push(estimate.terms);
        double sum1 = 0;
        double sum2 = 0;
        double weight1 = 1;
        double weight2 = 1;
        for (std::size_t age = 0; age < past.size(); ++age) {
            sum1 += weight1;
            sum2 += weight2;
            weight1 *= beta1;
            weight2 *= beta2;
        }
        weight1 = 1 / sum1;
        weight2 = 1 / sum2;
        for (std::size_t age = 0; age < past.size(); ++age) {
            const std::span<const Term> terms = past.step(age);
            for (std::size_t i = 0; i < terms.size(); ++i) {
                const bool last = i + 1 == terms.size();
                gradient.push_back({terms[i].key, {terms[i].coefficient, last ? weight1 : 0.0, last ? weight2 : 0.0, i == 0 ? 0.0 : 1.0}});
            }
            weight1 *= beta1;
            weight2 *= beta2;
        }
        return {.rate = rate(key.step), .weight_decay = weight_decay, .key = key, .step = {delta}};
    }
};

ZEROTH_END_NAMESPACE
