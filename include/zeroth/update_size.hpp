#pragma once

#include <zeroth/backends/weight_scale.hpp>
#include <zeroth/cursor/descend.hpp>
#include <zeroth/parameters/block.hpp>
#include <zeroth/step_report.hpp>

#include <cmath>
#include <cstddef>
#include <span>

ZEROTH_BEGIN_NAMESPACE

/// How large an update is beside the weights it moves, and the block whose precision it falls under, if rounds_to_nearest: a report's
/// relative_update and rounded_away. scale_of(b) is the direction's factor in a block; blocks that stand still are not counted.
template <SizedStep U, class ScaleOf>
void report_update_size(const Descend<U>& move, std::span<const GradientTerm<U::coefficients>> gradient, std::span<const Block> blocks,
                        const WeightScale& weights, const ScaleOf& scale_of, bool rounds_to_nearest, StepReport& report) {
    double squares = 0;
    double count = 0;
    double worst = 1;
    for (std::size_t b = 0; b < blocks.size(); ++b) {
        if (scale_of(b) == 0 || blocks[b].options.rate == 0) {
            continue;
        }
        const double size = std::abs(move.of(blocks[b]).scale) * move.step.size(gradient, scale_of(b));
        squares += static_cast<double>(blocks[b].size()) * size * size;
        count += static_cast<double>(blocks[b].size());
        const double least = half_spacing(compute_type(blocks[b].type)) * weights.of_block[b];
        if (rounds_to_nearest && least > worst * size) {
            worst = least / size;
            report.rounded_away = &blocks[b];
        }
    }
    const double size = count > 0 ? std::sqrt(squares / count) : 0;
    report.relative_update = size > 0 ? size / weights.of_all : size;
    report.rounded_away = size > 0 ? report.rounded_away : nullptr;
}

/// The block whose probes rounding takes away: a report's. smoothing: how far they stand from the weights along a direction of unit second
/// moment. Host work: O(blocks).
template <class C>
[[nodiscard]] const Block* probes_rounded_away(double smoothing, const C& cursor, const WeightScale& weights, bool is_measured) noexcept {
    const std::span<const Block> blocks = cursor.parameters().blocks();
    const Block* lost = nullptr;
    double worst = 1;
    for (std::size_t b = 0; b < blocks.size() && smoothing > 0; ++b) {
        const double size = smoothing * cursor.scale_of(b);
        double least = 0;
        if constexpr (requires { cursor.quanta(); }) {
            least = 2 * cursor.quanta()[b];
        } else if (is_measured) {
            least = 2 * half_spacing(blocks[b].type) * weights.of_block[b];
        }
        if (size > 0 && blocks[b].size() != 0 && least > worst * size) {
            worst = least / size;
            lost = &blocks[b];
        }
    }
    return lost;
}

ZEROTH_END_NAMESPACE
