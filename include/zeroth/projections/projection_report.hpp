#pragma once

#include <zeroth/step_report.hpp>

#include <cstdint>
#include <span>
#include <string_view>

ZEROTH_BEGIN_NAMESPACE

/// A block in a projection.
struct ProjectedLayer {
    std::string_view name;
    /// ||delta_l|| before it.
    double displacement = 0;
    /// a_l: how many times as long it is now.
    double ratio = 1;
};

/// What a projection did; the spans are valid until the next.
struct ProjectionReport {
    /// Steps made before it.
    std::uint64_t step = 0;
    /// updated; kept, where no displacement was there to be scaled or all ratios are 1; or why the weights are as before.
    Reason reason = Reason::updated;
    /// The mean of the losses; the one that is not finite, if that was the reason.
    double loss = 0;
    std::span<const double> losses;
    std::span<const ProjectedLayer> layers;
    std::uint64_t forward_passes = 0;
    /// Over the projected weights.
    std::uint64_t traversals = 0;
    /// The weights were on the grid of a policy Exact, and are.
    bool on_grid = false;
    std::string_view backend;
};

ZEROTH_END_NAMESPACE
