#pragma once

#include <zeroth/directions/preconditioned.hpp>
#include <zeroth/estimators/estimate.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>

ZEROTH_BEGIN_NAMESPACE

/// HiZOO's three-point estimate: the gradient along q preconditioned directions, and the curvature along each.
///
///   g = (1/q) * sum_j [(L(theta + eps z_j) - L(theta - eps z_j)) / (2 eps)] z_j
///   k_j = |L(theta + eps z_j) + L(theta - eps z_j) - 2 L(theta)| / (2 eps^2)
///
/// Goes with HizooSgd, which makes the directions' factors of the k_j. k_j is half of z' H z, and eps^2 k_j has to stand above the rounding
/// of the losses: so eps is rather larger than TwoSidedRge's, and losses are best given in double.
/// Forward passes: 2q + 1 a step. Traversals: 2q + 1, settling lazily too. State: 4 bytes a parameter, the factors.
/// Throws std::invalid_argument if epsilon is not positive and finite, queries is 0 or clip is not positive.
/// Source: Zhao et al., arXiv 2402.15173, Algorithm 1.
template <class D = Preconditioned<>>
struct HizooRge {
    static constexpr std::string_view name = "hizoo";
    static_assert(requires { requires D::has_factors; }, "zeroth: HizooRge estimates along a Preconditioned direction");
    static_assert(!D::raw_signs, "zeroth: the curvatures of single weights are told apart by z^2: take Gaussian or Uniform");
    static constexpr bool measures_curvature = true;

    D direction{};
    /// Smoothing: how far the probes stand from the weights, where the factors are 1.
    double epsilon = 1e-3;
    /// Directions averaged in a step.
    std::uint32_t queries = 1;
    /// Largest magnitude of a query's projected gradient; the bracket above is clipped to it.
    double clip = std::numeric_limits<double>::infinity();

    void validate() const {
        require_setting(epsilon > 0 && std::isfinite(epsilon), "epsilon", epsilon, "positive and finite");
        require_setting(queries > 0, "queries", queries, "at least 1");
        require_setting(clip > 0, "clip", clip, "positive");
    }
    [[nodiscard]] std::size_t max_terms() const noexcept { return queries; }
    [[nodiscard]] std::size_t forward_passes() const noexcept { return std::size_t{2} * queries + 1; }
    /// Largest displacement of a weight whose factor is 1.
    [[nodiscard]] double reach() const noexcept { return epsilon * static_cast<double>(direction.largest); }

    template <class Cursor, ForwardFn F>
    void operator()(Cursor& cursor, F& forward, Key key, Estimate& estimate) const {
        cursor.stand_at_base();
        const double base = estimate.evaluate(forward);
        estimate.loss = base;
        for (key.query = 0; estimate.finite && key.query < queries; ++key.query) {
            cursor.stand_at(Term{key, epsilon});
            const double above = estimate.evaluate(forward);
            if (!estimate.finite) {
                return;
            }
            cursor.stand_at(Term{key, -epsilon});
            const double below = estimate.evaluate(forward);
            if (!estimate.finite) {
                return;
            }
            estimate.add(key, (above - below) / (2 * epsilon), queries, clip);
            estimate.add_curvature(std::abs((above - base) + (below - base)) / (2 * epsilon * epsilon), queries);
        }
    }
};

ZEROTH_END_NAMESPACE
