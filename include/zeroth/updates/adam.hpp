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

ZEROTH_BEGIN_NAMESPACE

/// scale * m / (sqrt(v) + delta) + shrink * base, m and v already corrected.
template <class Lanes, class Real>
ZEROTH_INLINE Real adam_increment(const Real& m, const Real& v, const Real& delta, const Real& scale, const Real& shrink,
                                  const Real& base) noexcept {
    return Lanes::product(scale, Lanes::quotient(m, Lanes::square_root(v) + delta)) + Lanes::product(shrink, base);
}

/// m <- b1 m + (1 - b1) g, v <- b2 v + (1 - b2) g^2, base <- decay * base + scale * (m / c1) / (sqrt(v / c2) + delta).
struct AdamMove {
    static constexpr int coefficients = 1;
    static constexpr int scaled = 1;
    static constexpr int sums = 1;
    static constexpr bool is_device_copyable = true;

    double beta1 = 0, beta2 = 0;
    /// 1 / (1 - b^t)
    double correction1 = 1, correction2 = 1;
    double delta = 0;
    double decay = 1;
    double scale = 0;
    MomentPlace mean, square;
    Key key;
    /// The mean squares of the m that it makes and of the gradients in v.
    double mean_square = 0, square_mean = 0;

    template <class Visitor>
    ZEROTH_HOST_DEVICE constexpr void for_each_table(Visitor& visit) {
        visit(mean.begin);
        visit(square.begin);
    }

    /// About: v is taken for its mean.
    [[nodiscard]] double size(std::span<const GradientTerm<1>>, double factor) const noexcept {
        return std::abs(scale) * correction1 * factor * std::sqrt(mean_square) / (factor * std::sqrt(correction2 * square_mean) + delta);
    }

    template <class Lanes, class Storage>
    struct Bound : PlainSum<Lanes, Storage> {
        using Compute = ComputeType<Storage>;
        using Real = typename Lanes::template Real<Compute>;

        Real beta1, rest1, beta2, rest2, correction1, correction2, delta, shrink, scale;
        MomentView<Lanes, Storage> mean, square;

        ZEROTH_HOST_DEVICE Bound(const AdamMove& move, const BlockView&, std::size_t block) noexcept
            : beta1{Lanes::template broadcast_real<Compute>(move.beta1)},
              rest1{Lanes::template broadcast_real<Compute>(1 - move.beta1)},
              beta2{Lanes::template broadcast_real<Compute>(move.beta2)},
              rest2{Lanes::template broadcast_real<Compute>(1 - move.beta2)},
              correction1{Lanes::template broadcast_real<Compute>(move.correction1)},
              correction2{Lanes::template broadcast_real<Compute>(move.correction2)},
              delta{Lanes::template broadcast_real<Compute>(move.delta)},
              shrink{Lanes::template broadcast_real<Compute>(move.decay - 1)},
              scale{Lanes::template broadcast_real<Compute>(move.scale)}, mean{move.mean, block}, square{move.square, block} {}

        template <class Count>
        ZEROTH_INLINE Real increment(const Real& base, const Real* sum, std::uint64_t element, Count count) const noexcept {
            const Real& g = sum[0];
            const Real m = Lanes::product(beta1, mean.get(element, count)) + Lanes::product(rest1, g);
            const Real v = Lanes::product(beta2, square.get(element, count)) + Lanes::product(rest2, Lanes::product(g, g));
            mean.set(element, m, count);
            square.set(element, v, count);
            return adam_increment<Lanes>(Lanes::product(correction1, m), Lanes::product(correction2, v), delta, scale, shrink, base);
        }
    };
};

inline void require_betas(double beta1, double beta2, double delta) {
    require_setting(beta1 >= 0 && beta1 < 1, "beta1", beta1, "at least 0 and under 1");
    require_setting(beta2 >= 0 && beta2 < 1, "beta2", beta2, "at least 0 and under 1");
    require_setting(delta > 0 && delta < 0x1p128, "delta", delta, "positive and finite");
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
    using Move = AdamMove;
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
    void prepare(std::span<const Block> blocks, std::size_t, const StateAllocator& allocator = {}) {
        mean.prepare(blocks, allocator);
        square.prepare(blocks, allocator);
    }
    [[nodiscard]] double rate(std::uint64_t step) const { return require_rate(learning_rate(step)); }
    [[nodiscard]] Move move(const Estimate& estimate, const Key& key, Gradient<Move>& gradient) {
        const double eta = rate(key.step);
        append_terms(estimate, gradient);
        power1 *= beta1;
        power2 *= beta2;
        const double squares = sum_of_squares(gradient);
        mean_square = beta1 * beta1 * mean_square + (1 - beta1) * (1 - beta1) * squares;
        square_mean = beta2 * square_mean + (1 - beta2) * squares;
        return {beta1, beta2, 1 / (1 - power1), 1 / (1 - power2), delta, 1 - ScalarLanes::product(eta, weight_decay), -eta, mean.place(),
                square.place(), key, mean_square, square_mean};
    }

    /// m and v, b1^t and b2^t, and the mean squares of m and of what is in v; the rule's own.
    Moment mean{}, square{};
    double power1 = 1, power2 = 1;
    double mean_square = 0, square_mean = 0;
};

/// base <- decay * base + scale * m / (sqrt(v) + delta), m and v weighted sums over steps of g_k and g_k^2, g_k formed from its terms.
struct WindowedAdamMove {
    /// c, then for the last term of a step the step's weights in m and v (0 for the others), and 0 for a step's first term (1 for the
    /// others), which the partial sum is multiplied by.
    static constexpr int coefficients = 4;
    static constexpr int scaled = 1;
    /// m, v, the step's g so far.
    static constexpr int sums = 3;
    static constexpr bool is_device_copyable = true;

    double delta = 0;
    double decay = 1;
    double scale = 0;
    Key key;

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
        return std::abs(scale) * factor * std::sqrt(mean_square) / (factor * std::sqrt(square_mean) + delta);
    }

    template <class Lanes, class Storage>
    struct Bound {
        using Compute = ComputeType<Storage>;
        using Real = typename Lanes::template Real<Compute>;

        Real delta, shrink, scale;

        ZEROTH_HOST_DEVICE Bound(const WindowedAdamMove& move, const BlockView&, std::size_t) noexcept
            : delta{Lanes::template broadcast_real<Compute>(move.delta)},
              shrink{Lanes::template broadcast_real<Compute>(move.decay - 1)},
              scale{Lanes::template broadcast_real<Compute>(move.scale)} {}

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
        ZEROTH_INLINE Real increment(const Real& base, const Real* sum, std::uint64_t, Count) const noexcept {
            return adam_increment<Lanes>(sum[0], sum[1], delta, scale, shrink, base);
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
    using Move = WindowedAdamMove;
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
    void prepare(std::span<const Block>, std::size_t max_terms) { past.prepare(window, max_terms); }
    [[nodiscard]] std::size_t max_terms(std::size_t of_estimate) const noexcept { return window * of_estimate; }
    [[nodiscard]] double rate(std::uint64_t step) const { return require_rate(learning_rate(step)); }
    [[nodiscard]] Move move(const Estimate& estimate, const Key& key, Gradient<Move>& gradient) {
        const double eta = rate(key.step);
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
        return {delta, 1 - ScalarLanes::product(eta, weight_decay), -eta, key};
    }

    /// The last steps' terms; the rule's own.
    TermWindow past{};
};

ZEROTH_END_NAMESPACE
