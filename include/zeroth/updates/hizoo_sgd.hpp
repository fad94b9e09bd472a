#pragma once

#include <zeroth/backends/access.hpp>
#include <zeroth/directions/preconditioned.hpp>
#include <zeroth/schedules/schedule.hpp>
#include <zeroth/updates/update_rule.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>

ZEROTH_BEGIN_NAMESPACE

/// s <- s / r, u = g / r, r^2 = 1 - smoothing + smoothing * (sum k z^2) / s^2: z = s z_raw with the s before.
struct HizooStep {
    /// c and k.
    static constexpr int coefficients = 2;
    static constexpr int scaled = 1;
    static constexpr int sums = 2;
    static constexpr bool is_device_copyable = true;

    double smoothing = 0;
    /// The cursor's rays'.
    FactorPlace factors{};

    template <class Visitor>
    ZEROTH_HOST_DEVICE constexpr void for_each_table(Visitor& visit) {
        visit(factors.begin);
    }
    template <class Visitor>
    void for_each_number(Visitor& visit) {
        visit(smoothing);
    }

    /// z has the factor in it, and u is g over r >= sqrt(1 - smoothing).
    [[nodiscard]] StepBound bound(std::span<const GradientTerm<2>> gradient) const noexcept {
        constexpr double most = 0x1p30; // of the factors
        double curvatures = 0;
        for (const GradientTerm<2>& term : gradient) {
            curvatures += std::abs(term.coefficient[1]);
        }
        const double sum = most * sum_of_magnitudes(gradient);
        return {.slope = sum / std::sqrt(1 - smoothing), .formed = sum, .squares = most * most * curvatures};
    }

    template <class Lanes, class Storage>
    struct Bound {
        using Compute = ComputeType<Storage>;
        using Real = typename Lanes::template Real<Compute>;
        using Float = typename Lanes::Float;

        Real smoothing, rest, least, most;
        float* factors;

        ZEROTH_HOST_DEVICE Bound(const HizooStep& step, const BlockView&, std::size_t block) noexcept
            : smoothing{Lanes::template broadcast_real<Compute>(step.smoothing)},
              rest{Lanes::template broadcast_real<Compute>(1 - step.smoothing)}, least{Lanes::template broadcast_real<Compute>(0x1p-30)},
              most{Lanes::template broadcast_real<Compute>(0x1p30)}, factors{step.factors.numbers + step.factors.begin[block]} {}

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
        ZEROTH_INLINE Real u(const Real&, const Real* sum, std::uint64_t element, Count count) const noexcept {
            const Real s = Lanes::template widen<Compute>(Lanes::load(factors + element)); // their memory is of whole tiles
            const Real growth = rest + Lanes::product(smoothing, Lanes::quotient(sum[1], Lanes::product(s, s)));
            const Real root = Lanes::square_root(growth);
            store_factor(element, Lanes::larger(Lanes::smaller(Lanes::quotient(s, root), most), least), count);
            return Lanes::quotient(sum[0], root);
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
    static constexpr std::string_view name = "hizoo";
    using Step = HizooStep;
    using State = NoState;
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
    [[nodiscard]] Descend<Step> move(const Estimate& estimate, const Key& key, State&, Gradient<Step>& gradient) const {
        for (std::size_t j = 0; j < estimate.terms.size(); ++j) {
            gradient.push_back({estimate.terms[j].key, {estimate.terms[j].coefficient, estimate.curvatures[j]}});
        }
        return {.rate = rate(key.step), .weight_decay = weight_decay, .key = key, .step = {.smoothing = smoothing}};
    }
};

ZEROTH_END_NAMESPACE
