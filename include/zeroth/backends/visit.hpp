#pragma once

#include <zeroth/backends/kernel.hpp>
#include <zeroth/backends/operation.hpp>
#include <zeroth/directions/direction.hpp>
#include <zeroth/parameters/block.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

ZEROTH_BEGIN_NAMESPACE

/// Visits elements [begin, end) of a block, whichever of the types it is stored as.
/// Not inlined into a loop over blocks: GCC 12 at -O3 moves loads of what a direction's prepare() has left in a stream to before it, out of
/// the loop that both are in.
template <class Lanes, class Types, class D, class Operation>
[[gnu::noinline]] void visit_range(const Block& block, std::size_t block_index, std::uint64_t begin, std::uint64_t end, const D& direction,
                                   std::span<const Move<Operation::coefficients>> moves, const Operation& operation) noexcept {
    Types::visit(block.type, [&]<class Storage>(Storage*) {
        using Own = OperationOn<Operation, Storage>;
        Kernel<Lanes, Storage, D, typename Own::type>{block, block_index, direction, Own::of(operation)}.run(begin, end, moves);
    });
}

/// Visits whole blocks, the first of which has the place first_index among all that are traversed; small ones several at a time.
template <class Lanes, class Types, class D, class Operation>
void visit_blocks(std::span<const Block> blocks, std::size_t first_index, const D& direction,
                  std::span<const Move<Operation::coefficients>> moves, const Operation& operation) noexcept {
    std::size_t b = 0;
    while (b < blocks.size()) {
        std::size_t visited = 0;
        if (moves.size() == 1 && blocks[b].size() <= tile_size<D>) {
            Types::visit(blocks[b].type, [&]<class Storage>(Storage*) {
                using Own = OperationOn<Operation, Storage>;
                using OwnKernel = Kernel<Lanes, Storage, D, typename Own::type>;
                if constexpr (OwnKernel::together > 1) {
                    constexpr auto together = static_cast<std::size_t>(OwnKernel::together);
                    std::size_t small = 1;
                    while (small < together && b + small < blocks.size() && blocks[b + small].type == blocks[b].type &&
                           blocks[b + small].size() <= tile_size<D>) {
                        ++small;
                    }
                    if (small == together) {
                        OwnKernel::run_together(blocks.data() + b, first_index + b, direction, Own::of(operation), moves[0]);
                        visited = together;
                    }
                }
            });
        }
        if (visited == 0) {
            visit_range<Lanes, Types>(blocks[b], first_index + b, 0, blocks[b].size(), direction, moves, operation);
            visited = 1;
        }
        b += visited;
    }
}

ZEROTH_END_NAMESPACE
