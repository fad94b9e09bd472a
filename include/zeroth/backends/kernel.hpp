#pragma once

#include <zeroth/backends/element.hpp>
#include <zeroth/backends/kernel_chunks.hpp>
#include <zeroth/backends/kernel_registers.hpp>

#include <cstddef>
#include <cstdint>

ZEROTH_BEGIN_NAMESPACE

/// The inner loops of a traversal over elements [begin, end) of one block, begin a multiple of the ray's tile.
///
/// Few moves are kept in registers from the draw to the store (KernelRegisters); of many, the sums of a chunk of elements stay in the
/// first-level cache while the moves go over it (KernelChunks).
template <class Lanes, class Storage, Ray R, class Operation>
struct Kernel {
    static void run(const Block& block, std::size_t index, std::uint64_t begin, std::uint64_t end, const Moves<R>& moves,
                    const Operation& operation) noexcept {
        using Registers = KernelRegisters<Lanes, Storage, R, Operation>;
        // One element at a time, what is spread out for registers would cost the compiler more than it gains.
        constexpr bool is_scalar = Lanes::width == 1;
        if constexpr (Operation::sums == 0) { // whatever the rays are
            Registers::run_alone(block, index, begin, end, operation);
        } else {
            switch (moves.size()) {
            case 0: Registers::run_alone(block, index, begin, end, operation); return;
            case 1: Registers::template run<1>(block, index, begin, end, moves, operation); return;
            case 2:
                if constexpr (!is_scalar) {
                    Registers::template run<2>(block, index, begin, end, moves, operation);
                    return;
                }
                [[fallthrough]];
            case 4:
                if constexpr (!is_scalar && draws_signs<R> && Operation::sums == 1) {
                    Registers::template run<4>(block, index, begin, end, moves, operation);
                    return;
                }
                [[fallthrough]];
            default: KernelChunks<Lanes, Storage, R, Operation>::run(block, index, begin, end, moves, operation); return;
            }
        }
    }
};

ZEROTH_END_NAMESPACE
