#pragma once

#include <zeroth/config.hpp>

#include <cstddef>
#include <cstdint>

ZEROTH_BEGIN_NAMESPACE
namespace cuda {

/// The constants that a traversal on a device is cut by; none changes a bit. Not measured yet: reckoned from the sizes of registers,
/// of memory transactions and of a kernel's parameters.
struct Tuning {
    /// Bytes of weights that a thread loads and stores at a time.
    static constexpr int access_bytes = 16;
    /// Threads of a thread block: whole warps.
    static constexpr int threads = 128;
    static_assert(threads % 32 == 0);
    /// Elements of a tensor that a thread block takes at a time, and all of those between: a multiple of every direction's tile.
    static constexpr std::uint64_t chunk = 8192;
    /// Sums that a thread keeps in registers, each of 32 bits.
    static constexpr int registers = 64;
    /// Thread blocks for each multiprocessor, where there are chunks enough.
    static constexpr int blocks_per_multiprocessor = 16;
    /// Thread blocks that fill memory with a word.
    static constexpr int fill_blocks = 1024;
    /// Bytes of a kernel's parameters, which a launch's tensors, rays and coefficients are: what every device takes from CUDA 12.1 on.
    static constexpr std::size_t parameter_bytes = 32764;
    /// Of a launch's results, which a backend reserves.
    static constexpr std::size_t result_bytes = 8192;
    /// Of a thread block, for a direction's numbers: what every device has without being asked.
    static constexpr std::size_t shared_bytes = 48 * 1024;
};

} // namespace cuda
ZEROTH_END_NAMESPACE
