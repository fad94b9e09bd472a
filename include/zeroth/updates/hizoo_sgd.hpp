#pragma once

#include <zeroth/backends/access.hpp>
#include <zeroth/directions/preconditioned.hpp>
#include <zeroth/random/scalar_lanes.hpp>
#include <zeroth/schedules/schedule.hpp>
#include <zeroth/updates/update_rule.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

ZEROTH_BEGIN_NAMESPACE

/// s <- s / r, base <- decay * base + scale * g / r, r^2 = 1 - smoothing + smoothing * (sum k z^2) / s^2: z = s z_raw with the s before.
struct HizooMove {
    /// c and k.
    static constexpr int coefficients = 2;
    static constexpr int scaled = 1;
    static constexpr int sums = 2;
    static constexpr bool is_device_copyable = true;

    double smoothing = 0;
    double decay = 1;
    double scale = 0;
    Key key;
    /// The cursor's direction's.
    FactorPlace factors{};

    template <class Visitor>
    ZEROTH_HOST_DEVICE constexpr void for_each_table(Visitor& visit) {
        visit(factors.begin);
    }

    template <class Lanes, class Storage>
    struct Bound {
        using Compute = ComputeType<Storage>;
        using Real = typename Lanes::template Real<Compute>;
        using Float = typename Lanes::Float;

        Real smoothing, rest, shrink, scale, least, most;
        float* factors;

        ZEROTH_HOST_DEVICE Bound(const HizooMove& move, const BlockView&, std::size_t block) noexcept
            : smoothing{Lanes::template broadcast_real<Compute>(move.smoothing)},
              rest{Lanes::template broadcast_real<Compute>(1 - move.smoothing)},
              shrink{Lanes::template broadcast_real<Compute>(move.decay - 1)},
              scale{Lanes::template broadcast_real<Compute>(move.scale)}, least{Lanes::template broadcast_real<Compute>(0x1p-30)},
              most{Lanes::template broadcast_real<Compute>(0x1p30)}, factors{move.factors.numbers + move.factors.begin[block]} {}

        template <bool First>
        ZEROTH_INLINE static void accumulate(Real* sum, const Real& z, const Real* coefficient) noexcept {
            const Real g = Lanes::product(coefficient[0], z);
            const Real curvature = Lanes::product(coefficient[1], Lanes::product(z, z));
            if constexpr (First) {
                sum[0] = g;
                sum[1] = curvature;
            } else {
                sum[0] = sum[0] + g;
                sum[1] = sum[1] + curvature;
            }
        }
        template <class Count>
        ZEROTH_INLINE Real increment(const Real& base, const Real* sum, std::uint64_t element, Count count) const noexcept {
            const Real s = Lanes::template widen<Compute>(Lanes::load(factors + element)); // their memory is of whole tiles
            const Real growth = rest + Lanes::product(smoothing, Lanes::quotient(sum[1], Lanes::product(s, s)));
            const Real root = Lanes::square_root(growth);
            store_factor(element, Lanes::larger(Lanes::smaller(Lanes::quotient(s, root), most), least), count);
            return Lanes::product(scale, Lanes::quotient(sum[0], root)) + Lanes::product(shrink, base);
        }

      private:
        template <class Count>
        ZEROTH_INLINE void store_factor(std::uint64_t element, const Real& s, Count count) const noexcept {
            if constexpr (std::is_same_v<Compute, float>) {
                store<Lanes>(factors + element, s, count);
            } else {
                Compute wide[Lanes::width];
                float narrow[Lanes::width];
                Access<Lanes, Compute>::store(wide, s);
                for (int l = 0; l < Lanes::width; ++l) {
                    narrow[l] = static_cast<float>(wide[l]);
                }
                store<Lanes>(factors + element, Lanes::load(narrow), count);
            }
        }
    };
};

/// HiZOO: descent preconditioned by a running diagonal curvature, which estimates along preconditioned directions make.
///
///   h <- h (1 - a + (a/q) sum_j k_j x_j^2);   theta <- theta - eta ((1/q) sum_j c_j x_j / sqrt(h) + weight_decay theta)
///
/// x_j are the raw directions, c_j and k_j HizooRge's; h = 1 / s^2, s being the directions' factors (Preconditioned), is 1 to begin with.
/// In the mean h goes to 1 + d/2 times the Hessian's diagonal for d weights: first it grows as a whole, to half the Hessian's trace, then it
/// takes the diagonal's shape, over about d / (2a) steps. Then eta has no unit, and is to be under 1. s stays from 2^-30 to 2^30.
/// Replay: h follows from the losses. A run is its keys with two numbers for each, c and k, from its first step on.
/// Traversals: none of its own; it reads and writes the factors in the update's. State: the direction's 4 bytes a parameter, counted there.
/// Throws std::invalid_argument if the rate of a step is negative or not finite, weight_decay is, or smoothing is not in [0, 1).
/// Source: Zhao et al., arXiv 2402.15173, Algorithm 1.
struct HizooSgd {
    using Move = HizooMove;
    static constexpr std::size_t state_bytes_per_parameter = 0;
    static constexpr bool needs_curvature = true;

    Schedule learning_rate = 1e-6;
    /// a: the paper's is 1e-10 to 1e-4 for language models. The larger, the sooner h has its shape, and the more it varies.
    double smoothing = 1e-6;
    double weight_decay = 0;

    void validate() const {
        require_decay(weight_decay);
        require_setting(smoothing >= 0 && smoothing < 1, "smoothing", smoothing, "at least 0 and under 1");
        static_cast<void>(rate(0));
    }
    [[nodiscard]] double rate(std::uint64_t step) const { return require_rate(learning_rate(step)); }
    [[nodiscard]] Move move(const Estimate& estimate, const Key& key, Gradient<Move>& gradient) const {
        const double eta = rate(key.step);
        for (std::size_t j = 0; j < estimate.terms.size(); ++j) {
            gradient.push_back({estimate.terms[j].key, {estimate.terms[j].coefficient, estimate.curvatures[j]}});
        }
        return {smoothing, 1 - ScalarLanes::product(eta, weight_decay), -eta, key};
    }
};

ZEROTH_END_NAMESPACE
