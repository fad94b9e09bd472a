#pragma once

#include <zeroth/directions/gaussian.hpp>
#include <zeroth/estimators/estimate.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>

ZEROTH_BEGIN_NAMESPACE

/// One-sided randomized gradient estimate along q directions; the base loss is taken once.
///
///   g = (1/q) * sum_j [(L(theta + eps z_j) - L(theta)) / eps] z_j
///
/// Biased by (eps/2) z' H z along each direction, where two-sided probes cancel it: at a minimum it does not vanish.
/// Forward passes: q + 1 a step. Traversals: q + 1. State: 0 bytes a parameter.
/// Throws std::invalid_argument if epsilon is not positive and finite, queries is 0 or clip is not positive.
/// Source: Zhang et al., arXiv 2402.11592, equation 2; Nesterov and Spokoiny 2017.
template <class D = Gaussian>
struct OneSidedRge {
    static constexpr std::string_view name = "one-sided";
    D direction{};
    /// Smoothing: how far the probes stand from the weights.
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
    [[nodiscard]] std::size_t forward_passes() const noexcept { return std::size_t{1} + queries; }
    /// Largest displacement of a weight.
    [[nodiscard]] double reach() const noexcept { return epsilon * static_cast<double>(direction.largest); }

    template <class Cursor, ForwardFn F>
    void operator()(Cursor& cursor, F& forward, Key key, Estimate& estimate) const {
        cursor.stand_at_base();
        const double base = estimate.evaluate(forward);
        estimate.loss = base;
        for (key.query = 0; estimate.finite && key.query < queries; ++key.query) {
            cursor.stand_at(Term{key, epsilon});
            const double above = estimate.evaluate(forward);
            if (estimate.finite) {
                estimate.add(key, (above - base) / epsilon, queries, clip);
            }
        }
    }
};

ZEROTH_END_NAMESPACE
