#pragma once

#include <zeroth/directions/gaussian.hpp>
#include <zeroth/estimators/estimate.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>

ZEROTH_BEGIN_NAMESPACE

/// Two-point randomized gradient estimate along q directions.
///
///   g = (1/q) * sum_j [(L(theta + eps z_j) - L(theta - eps z_j)) / (2 eps)] z_j
///
/// Forward passes: 2q a step. Traversals: 2q + 1 (2q settling lazily). State: 0 bytes a parameter.
/// Throws std::invalid_argument if epsilon is not positive and finite, queries is 0 or clip is not positive.
/// Source: Malladi et al., arXiv 2305.17333, Algorithm 1; Spall 1992.
template <class D = Gaussian>
struct TwoSidedRge {
    static constexpr std::string_view name = "two-sided";
    D direction{};
    /// Smoothing: how far the probes stand from the weights. 1e-3 for full fine-tuning, 1e-2 for LoRA, 1e-1 for prefixes.
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
    [[nodiscard]] std::size_t forward_passes() const noexcept { return std::size_t{2} * queries; }
    /// Largest displacement of a weight.
    [[nodiscard]] double reach() const noexcept { return epsilon * static_cast<double>(direction.largest); }

    template <class Cursor, ForwardFn F>
    void operator()(Cursor& cursor, F& forward, Key key, Estimate& estimate) const {
        double total = 0;
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
            total += (above + below) / 2;
        }
        estimate.loss = total / queries;
    }
};

ZEROTH_END_NAMESPACE
