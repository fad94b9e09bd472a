#pragma once

#include <zeroth/directions/rademacher.hpp>
#include <zeroth/estimators/estimate.hpp>
#include <zeroth/random/scalar_lanes.hpp>
#include <zeroth/ground/setting.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>

ZEROTH_BEGIN_NAMESPACE

/// FZOO: one-sided differences along q directions, divided by the standard deviation of their losses.
///
///   g = (1/q) * sum_j [(l_j - l_0) / max(s, floor |l_0|)] z_j,   l_j = L(theta + eps z_j),  s^2 = sum_j (l_j - mean l)^2 / (q - 1)
///
/// s is about eps ||grad L||: g has the gradient's way at a length of its own, about sqrt(d / q), whatever the losses' scale. So a learning rate
/// decides the step's length alone, in flat and in steep stretches; near a minimum it must fall.
/// Forward passes: q + 1 a step. Traversals: q + 1. State: 0 bytes a parameter.
/// Throws std::invalid_argument if epsilon or floor is not positive and finite, queries is under 2 or clip is not positive.
/// Source: Dang et al., arXiv 2506.09034, whose step has no floor and diverges where all losses agree.
template <class D = Rademacher>
struct Fzoo {
    static constexpr std::string_view name = "fzoo";
    D direction{};
    /// Smoothing: how far the probes stand from the weights.
    double epsilon = 1e-3;
    /// Directions in a step.
    std::uint32_t queries = 8;
    /// Least standard deviation that is divided by, of the base's loss: over the rounding of a loss in float. Where it binds the report says so.
    double floor = 0x1p-22;
    /// Largest magnitude of a query's projected gradient; the bracket above is clipped to it.
    double clip = std::numeric_limits<double>::infinity();

    void validate() const {
        require_setting(epsilon > 0 && std::isfinite(epsilon), "epsilon", epsilon, "positive and finite");
        require_setting(queries > 1, "queries", queries, "at least 2");
        require_setting(floor > 0 && std::isfinite(floor), "floor", floor, "positive and finite");
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
            estimate.evaluate(forward);
        }
        if (!estimate.finite) {
            return;
        }
        const double own = deviation_of(estimate);
        // Of a loss of 0, any.
        const double least = std::fmax(floor * std::abs(base), (std::numeric_limits<double>::min)());
        estimate.floored = own < least;
        const double deviation = std::fmax(own, least);
        for (key.query = 0; key.query < queries; ++key.query) {
            estimate.add(key, (estimate.losses[std::size_t{1} + key.query] - base) / deviation, queries, clip);
        }
    }

  private:
    /// Of the losses after the first.
    [[nodiscard]] double deviation_of(const Estimate& estimate) const noexcept {
        double mean = 0;
        for (std::size_t j = 1; j <= queries; ++j) {
            mean += estimate.losses[j] / queries;
        }
        double squares = 0;
        for (std::size_t j = 1; j <= queries; ++j) {
            const double apart = estimate.losses[j] - mean;
            squares += ScalarLanes::product(apart, apart);
        }
        return std::sqrt(squares / (queries - 1));
    }
};

ZEROTH_END_NAMESPACE
