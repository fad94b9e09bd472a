#pragma once

#include <zeroth/backends/reductions.hpp>
#include <zeroth/backends/traversal.hpp>
#include <zeroth/parameters/block.hpp>
#include <zeroth/parameters/parameters.hpp>

#include <concepts>
#include <span>
#include <stdexcept>
#include <string>

ZEROTH_BEGIN_NAMESPACE

/// What carries out traversals: visits every element of the blocks, forms the rays' numbers in registers and applies an elementwise operation,
/// giving Reference's bits. name() is what reports call it.
///
///     struct MyBackend {
///         std::string name() const;
///         template <class Operation, zeroth::Ray R>
///         void traverse(const zeroth::Traversal<Operation, R>& traversal) const;
///     };
///
/// A backend with a member Types is compiled for those storage types, one with a member space reaches blocks of that memory space and no
/// others; without, of the host's. One whose memory is not the host's says how it is taken by state_allocator() (StateAllocator), and may have
/// rays of its own for a direction D: `template <class D> using Rays = ...` (see RaysOf).
template <class B>
concept Backend = std::copy_constructible<B> && requires(const B& backend, const Traversal<LargestMagnitude>& traversal) {
    { backend.name() } -> std::convertible_to<std::string>;
    backend.traverse(traversal);
};

/// Where the blocks lie that a backend traverses.
template <class B>
inline constexpr MemorySpace memory_space_of = MemorySpace::host;
template <class B>
    requires requires { B::space; }
inline constexpr MemorySpace memory_space_of<B> = B::space;

/// Throws std::invalid_argument for a block that lies elsewhere than the backend reaches, or is of a type that it is not compiled for.
template <class B>
void require_reached(std::span<const Block> blocks) {
    require_space(blocks, memory_space_of<B>, "the backend");
    if constexpr (requires { typename B::Types; }) {
        for (const Block& block : blocks) {
            if (!B::Types::hold(block.type)) {
                throw std::invalid_argument{"zeroth: block '" + block.name + "' is stored as " + std::string{to_string(block.type)} +
                                            ", which is not among the backend's scalar types"};
            }
        }
    }
}
/// The blocks. Throws std::invalid_argument if there is none, if two overlap, and where the backend does not reach one.
template <class B>
[[nodiscard]] std::span<const Block> require_traversable(std::span<const Block> blocks) {
    require_blocks(blocks);
    require_reached<B>(blocks);
    require_apart(blocks);
    return blocks;
}

ZEROTH_END_NAMESPACE
