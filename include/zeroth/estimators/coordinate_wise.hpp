#pragma once

#include <zeroth/directions/coordinate.hpp>
#include <zeroth/estimators/estimate.hpp>
#include <zeroth/ground/setting.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>

ZEROTH_BEGIN_NAMESPACE

/// Coordinate-wise gradient estimate (CGE): the central difference of each chosen weight, and 0 for the others.
///
///   g_i = (L(theta + eps e_i) - L(theta - eps e_i)) / (2 eps)
///
/// Not averaged: with as many coordinates as there are weights g is the gradient, to O(eps^2) and the loss's rounding. In cyclic order
/// ceil(d / coordinates) steps visit every weight; in random order a weight drawn twice in a step counts twice, and E g = (coordinates / d) grad L.
/// The direction is made for the parameters that the optimizer trains: CoordinateWise{.direction = Coordinate{parameters}}.
/// With any update rule; those with a memory (momentum, moments, a window of terms) go on moving a weight after its step.
/// Forward passes: 2 a coordinate. Traversals: 2 coordinates + 1 (2 coordinates settling lazily), the last one forming all the coordinates'
/// directions, so that a step of many is quadratic in their number. State: 0 bytes a parameter.
/// Throws std::invalid_argument if epsilon is not positive and finite, coordinates is 0 or over the number of weights, or clip is not positive.
/// Source: Kiefer and Wolfowitz 1952; Lian et al., arXiv 1606.00498; Chen et al. (DeepZero), arXiv 2310.02025.
struct CoordinateWise {
    static constexpr std::string_view name = "coordinate";
    Coordinate direction;
    /// Smoothing: how far the probes stand from the weight.
    double epsilon = 1e-3;
    /// Weights whose derivative a step takes.
    std::uint32_t coordinates = 1;
    /// Largest magnitude of a derivative.
    double clip = std::numeric_limits<double>::infinity();

    void validate() const {
        require_setting(epsilon > 0 && std::isfinite(epsilon), "epsilon", epsilon, "positive and finite");
        require_setting(coordinates > 0 && coordinates <= direction.size(), "coordinates", coordinates, "from 1 to the number of weights");
        require_setting(clip > 0, "clip", clip, "positive");
    }
    [[nodiscard]] std::size_t max_terms() const noexcept { return coordinates; }
    [[nodiscard]] std::size_t forward_passes() const noexcept { return std::size_t{2} * coordinates; }
    /// Largest displacement of a weight.
    [[nodiscard]] double reach() const noexcept { return epsilon; }

    template <class Cursor, ForwardFn F>
    void operator()(Cursor& cursor, F& forward, const Key& step, Estimate& estimate) const {
        double total = 0;
        for (std::uint32_t j = 0; estimate.finite && j < coordinates; ++j) {
            const Key key{step.seed, step.step * coordinates + j, 0};
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
            estimate.add(key, (above - below) / (2 * epsilon), 1, clip);
            total += (above + below) / 2;
        }
        estimate.loss = total / coordinates;
    }
};

ZEROTH_END_NAMESPACE
