#pragma once

#include <zeroth/cursor/term.hpp>
#include <zeroth/parameters/block.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

ZEROTH_BEGIN_NAMESPACE

/// Why a step ended as it did.
enum class Reason : std::uint8_t {
    updated,           ///< the base was moved
    kept,              ///< the rule found no candidate better than the base, which stays
    non_finite_loss,   ///< a loss was NaN or infinite: the weights are as before the step
    /// The projected gradient overflowed, or the update could leave the range of what the weights are computed in: they are as before the step,
    /// and so is the rule's state.
    non_finite_update,
    /// A weight is not finite (StepReport::not_finite). Found before the step, by what measures the weights: they are as before it. Found by
    /// Exact's update, in which a loss had written it: the others have moved. No step is made until the weights are mended: adopt_weights().
    non_finite_weights,
    /// The rule would evaluate weights that are farther from the base than Exact's grid holds: they are as before the step. Lay a wider grid:
    /// Settings{.restore = Exact{.reach = ...}}.
    out_of_reach,
};

[[nodiscard]] constexpr std::string_view to_string(Reason reason) noexcept {
    switch (reason) {
    case Reason::updated: return "updated";
    case Reason::kept: return "kept";
    case Reason::non_finite_loss: return "non-finite loss";
    case Reason::non_finite_update: return "non-finite update";
    case Reason::non_finite_weights: return "non-finite weights";
    case Reason::out_of_reach: return "out of reach";
    }
    return "unknown";
}

/// What a step did. The spans are views of the optimizer's memory, valid until its next step.
struct StepReport {
    /// Number of the step, from 0.
    std::uint64_t step = 0;
    Reason reason = Reason::updated;
    /// Of the batch: the mean over a two-sided estimator's losses, the base's own for a one-sided one. Not finite if that was the reason.
    double loss = 0;
    /// Every loss, in order of evaluation.
    std::span<const double> losses;
    /// The gradient estimate.
    std::span<const Term> terms;
    /// eta of this step.
    double learning_rate = 0;
    /// Projected gradients that were clipped.
    int clipped = 0;
    /// Whether Fzoo's floor was divided by: the losses differ by no more than their rounding, and the step is shorter than promised.
    bool floored = false;
    /// Root mean square of the update, but for weight decay, over that of the weights before the first step; with a mask, of the update
    /// where it touches, and with scales where they are not 0. Known from the terms, for directions with E z^2 = 1, scaled or not: exact
    /// in the mean for Sgd and Momentum, eta for SignSgd, about right for Adam. 0 where no update was made, infinite where all weights
    /// were 0, NaN where it is not known: for CoordinateWise, for first-order gradients, and for rules of one's own whose step is no
    /// SizedStep.
    double relative_update = 0;
    /// The block whose weights' precision its update falls under, the worst if there are several; null if none. It is under half the
    /// spacing of the floats (doubles in a block of them) as large as the block's root mean square, so rounding takes most of it away: take
    /// larger steps, or double. The spacing of 16-bit weights does not count, nor Exact's grid: to these updates are rounded stochastically.
    const Block* rounded_away = nullptr;
    /// The block whose probes rounding takes away, the worst if there are several; null if none, or if it is not known (as relative_update is
    /// not). The smoothing is under the spacing of its numbers, as it is stored, at the block's root mean square, or under two quanta of
    /// Exact's grid, which one weight far larger than the others makes coarse: the estimate knows little of it. Take a larger epsilon.
    const Block* probes_rounded_away = nullptr;
    /// The block with a weight that is not finite, if that was the reason.
    const Block* not_finite = nullptr;
    std::uint64_t forward_passes = 0;
    /// Over the weights.
    std::uint64_t traversals = 0;
    /// Of the loss, and of the traversals, the hook's included. What a device has only begun is not waited for.
    double seconds_in_loss = 0;
    double seconds_in_traversals = 0;
    /// Of a BlockOptimizer: the first of the parts that were moved, and how many; the losses and terms are then the last one's, the loss their
    /// mean, the relative update the largest.
    std::size_t first_part = 0;
    std::size_t parts = 1;
    /// The backend that made them, e.g. "reference", "simd avx2 x 4".
    std::string_view backend;
};

ZEROTH_END_NAMESPACE
