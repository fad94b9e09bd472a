#pragma once

#include <zeroth/backends/operation.hpp>
#include <zeroth/directions/rademacher.hpp>

#include <concepts>
#include <cstddef>
#include <span>
#include <string>

ZEROTH_BEGIN_NAMESPACE

/// What carries out traversals: visits every element of the blocks, forms the moves' directions in registers and applies an elementwise
/// operation, giving Reference's bits. name() is what reports call it. A backend with a member Types is compiled for those storage types, one
/// with a member space reaches blocks of that memory space and no others; without, of the host's.
///
/// A backend whose memory is not the host's says how it is taken by state_allocator() (StateAllocator). It may keep there what directions
/// form: reserve(direction, blocks, max_keys), called in place of the direction's; form_factors(blocks, direction, move, factors), which
/// gives a normalised direction's factors of a move, one for each block.
template <class B>
concept Backend = std::copy_constructible<B> && requires(const B& backend, std::span<const Block> blocks, const Rademacher& direction,
                                                         std::span<const Move<1>> moves, const Displace& operation) {
    { backend.name() } -> std::convertible_to<std::string>;
    backend.traverse(blocks, direction, moves, operation);
};

/// Where the blocks lie that a backend traverses.
template <class B>
inline constexpr MemorySpace memory_space_of = MemorySpace::host;
template <class B>
    requires requires { B::space; }
inline constexpr MemorySpace memory_space_of<B> = B::space;

ZEROTH_END_NAMESPACE
