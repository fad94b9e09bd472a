#pragma once

#include <zeroth/rays/ray.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>

ZEROTH_BEGIN_NAMESPACE

struct AnyRay;

/// Rays whose kernels are compiled for their own type where forming their numbers costs less than handing them over.
enum class FusedRay : std::uint8_t { none, signs, table, mixed_pool, uniform, low_rank, gaussian };

/// Where a ray's numbers are wanted, and the weights that they are for, which are asked for meanwhile.
struct ForChunk {
    float* z;
    const std::byte* weights;
    std::uint64_t bytes_of_weight;
};

/// What a kernel asks of a ray whose type it does not know.
struct RayType {
    /// Numbers first to first + count - 1 of the ray, first being a multiple of the tile.
    void (*fill)(const AnyRay& ray, std::uint64_t first, std::uint64_t count, const ForChunk& to) noexcept;
    /// As SparseRay has it; null for a ray that does not know where it is 0.
    bool (*is_zero)(const AnyRay& ray, std::uint64_t first, std::uint64_t count) noexcept;
    std::uint64_t tile;
    std::uint64_t stretch;
    FusedRay fused;
};

/// A ray of a type that is known at run time alone: kernels have it fill a chunk of numbers in the first-level cache, so that directions
/// and operations are compiled once each, not once together. The same numbers, so the same bits.
struct AnyRay {
    /// Its tile is a multiple of any ray's.
    static constexpr int groups = 32;
    static constexpr int vectors = 4;
    /// Bytes of the largest ray that it holds.
    static constexpr std::size_t capacity = 104;

    const RayType* type;
    alignas(8) std::byte bytes[capacity];

    template <Ray R>
    [[nodiscard]] static AnyRay of(const R& ray, const RayType& type) noexcept {
        static_assert(sizeof(R) <= capacity && alignof(R) <= 8 && tile_size<AnyRay> % tile_size<R> == 0);
        AnyRay any;
        any.type = &type;
        ::new (static_cast<void*>(any.bytes)) R{ray};
        return any;
    }
    template <Ray R>
    [[nodiscard]] const R& as() const noexcept {
        return *std::launder(reinterpret_cast<const R*>(bytes));
    }

    /// Not drawn in registers.
    template <class Lanes>
    struct Draw;
};

ZEROTH_END_NAMESPACE
