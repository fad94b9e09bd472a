#pragma once

#include <zeroth/backends/weight_scale.hpp>
#include <zeroth/cursor/descend.hpp>
#include <zeroth/estimators/estimate.hpp>
#include <zeroth/ground/setting.hpp>
#include <zeroth/parameters/block.hpp>
#include <zeroth/step_report.hpp>

#include <cmath>
#include <cstddef>
#include <limits>
#include <span>

ZEROTH_BEGIN_NAMESPACE

/// What the weights of a block, and what they are moved by, may come to at most: 2^126 and 2^123, 2^1022 and 2^995 of doubles; so that they
/// can be displaced, and are within the coarsest of Exact's grids.
[[nodiscard]] constexpr double weight_limit(const Block& block) noexcept { return block.type == ScalarType::float64 ? 0x1p1022 : 0x1p126; }
[[nodiscard]] constexpr double move_limit(const Block& block) noexcept { return block.type == ScalarType::float64 ? 0x1p995 : 0x1p123; }

/// An estimator's smoothing. Throws std::invalid_argument for one that is 0 or infinite in what some block is computed in.
template <class E, class C>
double require_smoothing(const E& estimator, const C& cursor) {
    double epsilon = estimator.reach();
    if constexpr (requires { epsilon = estimator.epsilon; }) {
        epsilon = estimator.epsilon;
    }
    const std::span<const Block> blocks = cursor.parameters().blocks();
    for (std::size_t b = 0; b < blocks.size() && epsilon != 0; ++b) {
        const double scale = cursor.scale_of(b);
        const double scaled = epsilon * scale;
        const bool is_zero = blocks[b].type == ScalarType::float64 ? scaled == 0 : static_cast<float>(scaled) == 0;
        require_setting(scale == 0 || (!is_zero && estimator.reach() * scale < weight_limit(blocks[b])), "epsilon", epsilon,
                        "such that probes are not 0 in what each block is computed in, and under 2^126 (2^1022)");
    }
    return epsilon;
}

/// Whether the base may move along an estimate.
[[nodiscard]] inline Reason outcome_of(const Estimate& estimate, double learning_rate) noexcept {
    for (const double loss : estimate.losses) {
        if (!std::isfinite(loss)) {
            return Reason::non_finite_loss;
        }
    }
    if (estimate.out_of_reach) {
        return Reason::out_of_reach;
    }
    bool finite = estimate.finite;
    for (const Term& term : estimate.terms) {
        const double largest = learning_rate > 1 ? learning_rate * term.coefficient : term.coefficient;
        finite = finite && std::abs(largest) < 0x1p128; // float's range
    }
    if (!finite) {
        return Reason::non_finite_update;
    }
    return estimate.kept ? Reason::kept : Reason::updated;
}

/// Whether no weight, and nothing that the move is made of, can become infinite by it; then the weights' bounds are those after it.
/// Host work: O(blocks + terms).
template <class U, class C>
[[nodiscard]] bool stays_in_range(const Descend<U>& move, std::span<const GradientTerm<U::coefficients>> gradient, const C& cursor,
                                  WeightScale& weights, bool is_measured) noexcept {
    if constexpr (BoundedStep<U>) {
        const std::span<const Block> blocks = cursor.parameters().blocks();
        const StepBound bound = move.step.bound(gradient);
        const auto moved = [&](std::size_t b) {
            const BlockRate rate = move.of(blocks[b]);
            const double limit = weight_limit(blocks[b]);
            const double z = cursor.largest_in(b);
            const double change = std::abs(rate.scale) * bound.u(z);
            const double before = is_measured ? weights.largest[b] : 0x1p100; // taken for
            const double after = std::abs(1 + rate.shrink) * before + change;
            const bool stays = bound.stays_under(limit, z) && std::abs(rate.scale) < limit && change < move_limit(blocks[b]) && after < limit;
            return stays ? after : std::numeric_limits<double>::infinity();
        };
        for (std::size_t b = 0; b < blocks.size(); ++b) {
            if (!std::isfinite(moved(b))) {
                return false;
            }
        }
        for (std::size_t b = 0; is_measured && b < blocks.size(); ++b) {
            weights.largest[b] = moved(b);
        }
    }
    return true;
}

ZEROTH_END_NAMESPACE
