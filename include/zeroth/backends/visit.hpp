#pragma once

#include <zeroth/backends/kernel.hpp>
#include <zeroth/backends/kernel_small_blocks.hpp>
#include <zeroth/backends/operation.hpp>
#include <zeroth/backends/traversal.hpp>
#include <zeroth/parameters/block.hpp>

#include <cstddef>
#include <cstdint>

ZEROTH_BEGIN_NAMESPACE

/// Calls visitor with a null pointer of the type that a block is stored as, if both the backend and the operation know it.
template <class Types, class Operation, class Visitor>
void visit_storage(ScalarType type, const Visitor& visitor) {
    Types::visit(type, [&]<class Storage>(Storage* storage) {
        if constexpr (StoragesOf<Operation>::type::template contains<Storage>) {
            visitor(storage);
        }
    });
}

/// Visits elements [begin, end) of a block of a traversal, whichever of the types it is stored as; begin is a multiple of the ray's tile.
template <class Lanes, class Types, class Operation, Ray R>
void visit_range(const Traversal<Operation, R>& traversal, std::size_t b, std::uint64_t begin, std::uint64_t end) noexcept {
    visit_storage<Types, Operation>(traversal.blocks[b].type, [&]<class Storage>(Storage*) {
        using Own = OperationOn<Operation, Storage>;
        Kernel<Lanes, Storage, R, typename Own::type>::run(traversal.blocks[b], b, begin, end, traversal.moves, Own::of(traversal.operation));
    });
}

/// Visits the whole blocks first to last - 1 of a traversal; small ones several at a time.
template <class Lanes, class Types, class Operation, Ray R>
void visit_blocks(const Traversal<Operation, R>& traversal, std::size_t first, std::size_t last) noexcept {
    const std::span<const Block> blocks = traversal.blocks;
    std::size_t b = first;
    while (b < last) {
        std::size_t visited = 0;
        if (traversal.moves.size() == 1 && blocks[b].size() <= tile_size<R>) {
            visit_storage<Types, Operation>(blocks[b].type, [&]<class Storage>(Storage*) {
                using Own = OperationOn<Operation, Storage>;
                using Small = KernelSmallBlocks<Lanes, Storage, R, typename Own::type>;
                if constexpr (Small::together > 1) {
                    constexpr auto together = static_cast<std::size_t>(Small::together);
                    std::size_t small = 1;
                    while (small < together && b + small < last && blocks[b + small].type == blocks[b].type &&
                           blocks[b + small].size() <= tile_size<R>) {
                        ++small;
                    }
                    if (small == together) {
                        Small::run(blocks.data() + b, b, traversal.moves, Own::of(traversal.operation));
                        visited = together;
                    }
                }
            });
        }
        if (visited == 0) {
            visit_range<Lanes, Types>(traversal, b, 0, blocks[b].size());
            visited = 1;
        }
        b += visited;
    }
}

ZEROTH_END_NAMESPACE
