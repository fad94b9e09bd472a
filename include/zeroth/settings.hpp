#pragma once

#include <zeroth/cursor/in_place.hpp>

#include <cstdint>

ZEROTH_BEGIN_NAMESPACE

/// When the weights are brought back to their base.
enum class Settling : std::uint8_t {
    each_step, ///< before step() returns: n + 1 traversals for n forward passes (two-sided)
    lazily,    ///< with the next step's first perturbation: n. Call settle() before reading the weights
};

/// What concerns the loop, not the method.
template <class Restore = InPlace>
struct Settings {
    /// Names the run: the same seed, losses and settings give the same bits.
    std::uint64_t seed = 0;
    /// Number of the first step: greater than 0 to go on with a run.
    std::uint64_t first_step = 0;
    /// How displacements are taken off again: InPlace, Snapshot or Exact.
    Restore restore{};
    Settling settling = Settling::each_step;
};

ZEROTH_END_NAMESPACE
