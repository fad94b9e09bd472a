#pragma once

#include <zeroth/rays/ray.hpp>

#include <cstddef>

ZEROTH_BEGIN_NAMESPACE

/// The constants that host kernels are cut by, found by measurement; none changes a bit.
struct Tuning {
    /// Runs of counters drawn in lock step where a draw yields few numbers: four hide the multiplications' latency, eight spill.
    static constexpr int chains = 4;
    /// How far ahead of the element in work its cache line is asked for.
    static constexpr std::size_t prefetch_bytes = 4096;
    /// Of the sums that a chunk keeps.
    static constexpr std::size_t chunk_bytes = 48 * 1024;

    template <class Lanes, Ray R>
    static constexpr int chains_of = Lanes::width != 1 && R::groups * R::vectors <= 16 ? chains : 1;

    /// Once a cache line of floats.
    template <class Storage>
    ZEROTH_INLINE static void prefetch([[maybe_unused]] const Storage* data, [[maybe_unused]] std::uint64_t element) noexcept {
#if !defined(__CUDA_ARCH__) && defined(__GNUC__)
        if (element % tile_lanes == 0) {
            __builtin_prefetch(reinterpret_cast<const char*>(data + element) + prefetch_bytes, 1);
        }
#endif
    }
};

ZEROTH_END_NAMESPACE
