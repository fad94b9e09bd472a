#pragma once

#include <zeroth/cursor/in_place.hpp>

#include <cstdint>
#include <vector>

ZEROTH_BEGIN_NAMESPACE

/// When the weights are brought back to their base.
enum class Settling : std::uint8_t {
    each_step, ///< before step() returns: n + 1 traversals for n forward passes (two-sided)
    lazily,    ///< with the next step's first perturbation: n. Call settle() before reading the weights
};

/// Which parts of a partition a step of a BlockOptimizer moves.
enum class BlockOrder : std::uint8_t {
    all,        ///< each part in turn, estimated and updated at once (Gauss-Seidel)
    jacobi,     ///< all parts: every estimate is made before any update
    cyclic,     ///< one part a step, in turn
    random,     ///< one part a step, drawn evenly
    importance, ///< one part a step, drawn in proportion to its importance
};

/// What concerns the loop, not the method: of every optimizer.
template <class Restore = InPlace>
struct Settings {
    /// Names the run: the same seed, losses and settings give the same bits.
    std::uint64_t seed = 0;
    /// Number of the first step. To go on with a run whose rule or policy keeps something, Resume its state.
    std::uint64_t first_step = 0;
    /// How displacements are taken off again: InPlace, Snapshot or Exact.
    Restore restore{};
    Settling settling = Settling::each_step;
    /// Of a BlockOptimizer: which parts a step moves; and for BlockOrder::importance a number for each part, not negative, not all 0.
    BlockOrder order = BlockOrder::all;
    std::vector<double> importance{};
};

ZEROTH_END_NAMESPACE
