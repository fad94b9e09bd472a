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

/// m <- momentum * m + g, base <- decay * base + scale * m.
struct MomentumMove {
    static constexpr int coefficients = 1;
    static constexpr int scaled = 1;
    static constexpr int sums = 1;
    static constexpr bool is_device_copyable = true;

    double momentum = 0;
    double decay = 1;
    double scale = 0;
    MomentPlace state;
    Key key;
    /// The mean square of the m that it makes.
    double square = 0;

    template <class Visitor>
    ZEROTH_HOST_DEVICE constexpr void for_each_table(Visitor& visit) {
        visit(state.begin);
    }

    [[nodiscard]] double size(std::span<const GradientTerm<1>>, double factor) const noexcept {
        return std::abs(scale) * factor * std::sqrt(square);
    }

    template <class Lanes, class Storage>
    struct Bound : PlainSum<Lanes, Storage> {
        using Compute = ComputeType<Storage>;
        using Real = typename Lanes::template Real<Compute>;

        Real momentum;
        Real shrink;
        Real scale;
        MomentView<Lanes, Storage> state;

        ZEROTH_HOST_DEVICE Bound(const MomentumMove& move, const BlockView&, std::size_t block) noexcept
            : momentum{Lanes::template broadcast_real<Compute>(move.momentum)},
              shrink{Lanes::template broadcast_real<Compute>(move.decay - 1)},
              scale{Lanes::template broadcast_real<Compute>(move.scale)}, state{move.state, block} {}

        template <class Count>
        ZEROTH_INLINE Real increment(const Real& base, const Real* sum, std::uint64_t element, Count count) const noexcept {
            const Real m = Lanes::product(momentum, state.get(element, count)) + sum[0];
            state.set(element, m, count);
            return Lanes::product(scale, m) + Lanes::product(shrink, base);
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
    using Move = MomentumMove;
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
    void prepare(std::span<const Block> blocks, std::size_t, const StateAllocator& allocator = {}) { state.prepare(blocks, allocator); }
    [[nodiscard]] double rate(std::uint64_t step) const { return require_rate(learning_rate(step)); }
    [[nodiscard]] Move move(const Estimate& estimate, const Key& key, Gradient<Move>& gradient) {
        const double eta = rate(key.step);
        append_terms(estimate, gradient);
        square = momentum * momentum * square + sum_of_squares(gradient);
        return {momentum, 1 - ScalarLanes::product(eta, weight_decay), -eta, state.place(), key, square};
    }

    /// m, and its mean square; the rule's own.
    Moment state{};
    double square = 0;
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
    using Move = LinearMove;
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
    void prepare(std::span<const Block>, std::size_t max_terms) { past.prepare(window, max_terms); }
    [[nodiscard]] std::size_t max_terms(std::size_t of_estimate) const noexcept { return window * of_estimate; }
    [[nodiscard]] double rate(std::uint64_t step) const { return require_rate(learning_rate(step)); }
    [[nodiscard]] Move move(const Estimate& estimate, const Key& key, Gradient<Move>& gradient) {
        const double eta = rate(key.step);
        past.push(estimate.terms);
        double weight = 1;
        for (std::size_t age = 0; age < past.size(); ++age) {
            for (const Term& term : past.step(age)) {
                gradient.push_back({term.key, {ScalarLanes::product(weight, term.coefficient)}});
            }
            weight *= momentum;
        }
        return {1 - ScalarLanes::product(eta, weight_decay), -eta, key};
    }

    /// The last steps' terms; the rule's own.
    TermWindow past{};
};

ZEROTH_END_NAMESPACE
