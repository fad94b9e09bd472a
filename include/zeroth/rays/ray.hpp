#pragma once

#include <zeroth/config.hpp>
#include <zeroth/random/scalar_lanes.hpp>

#include <concepts>
#include <cstdint>
#include <type_traits>

ZEROTH_BEGIN_NAMESPACE

/// One key's direction in one block, ready to be drawn: trivially copyable, the same on host and device. What its numbers are read from, if
/// anything, lies in the memory of the backend that draws it.
///
///     struct MyRay {
///         static constexpr int groups;    // calls of next() that a run of counters yields
///         static constexpr int vectors;   // registers of each
///         template <class Lanes> struct Draw {                // the numbers of Lanes::width consecutive counters
///             void next(typename Lanes::Float (&z)[vectors]);
///             template <int N> static void draw(const MyRay* const (&rays)[N], const std::uint64_t (&counters)[N], Draw (&draws)[N]);
///             static void draw_from(const MyRay&, std::uint64_t counter, unsigned group, Draw&);   // optional: from a group on
///             void all(typename Lanes::Float (&z)[groups * vectors]) const;                        // optional: all groups in lock step,
///             static constexpr bool draws_all = true;                                              // where it says so
///             typename Lanes::Float one(int j);               // optional: the next group's registers one by one, each once
///         };
///     };
///
/// Register j of counter 16 t + l is element (t * groups * vectors + j) * 16 + l of the block. A run may reach beyond the block's end.
template <class R>
concept Ray = std::is_trivially_copyable_v<R> && requires {
    { R::groups } -> std::convertible_to<int>;
    { R::vectors } -> std::convertible_to<int>;
    typename R::template Draw<ScalarLanes>;
};

/// A ray that knows where it is 0, as one under a mask may: ray.is_zero(first, count) says that all z of elements first to first + count - 1
/// are. Traversals that only add to the weights leave the stretches untouched in which all their rays are.
template <class R>
concept SparseRay = Ray<R> && requires(const R& ray, std::uint64_t first, std::uint64_t count) {
    { ray.is_zero(first, count) } -> std::same_as<bool>;
};

/// Whether every z is 1 or -1 (or 0, under a mask), so that a product with it is exact: the ray then says `static constexpr bool signs = true`.
template <class R>
inline constexpr bool draws_signs = requires { requires R::signs; };

/// Elements that share a run of sixteen counters.
template <Ray R>
inline constexpr std::uint64_t tile_size = std::uint64_t{tile_lanes} * R::groups * R::vectors;

/// Elements that are left untouched together where a SparseRay is 0: a tile, or as many as make 512.
template <Ray R>
inline constexpr std::uint64_t stretch_size = (tile_size<R> < 512 ? (511 + tile_size<R>) / tile_size<R> : 1) * tile_size<R>;

/// Rays of a traversal at most that are asked where they are 0; with more it visits every stretch.
inline constexpr std::size_t max_skipping_rays = 16;

/// First element of a run of counters' register j.
template <Ray R>
ZEROTH_INLINE std::uint64_t element_of(std::uint64_t counter, int j) noexcept {
    return counter / tile_lanes * tile_size<R> + static_cast<std::uint64_t>(j * tile_lanes) + counter % tile_lanes;
}

/// The draw of one run of counters from a group of theirs on: by Draw::draw_from where there is one, else those before it are drawn in vain.
template <class Lanes, Ray R, class Draw>
ZEROTH_INLINE void draw_from(const R& ray, std::uint64_t counter, unsigned group, Draw (&draw)[1]) noexcept {
    if constexpr (requires { Draw::draw_from(ray, counter, group, draw[0]); }) {
        Draw::draw_from(ray, counter, group, draw[0]);
    } else {
        const R* const rays[1] = {&ray};
        const std::uint64_t counters[1] = {counter};
        Draw::template draw<1>(rays, counters, draw);
        for (unsigned passed = 0; passed < group; ++passed) {
            typename Lanes::Float z[R::vectors];
            draw[0].next(z);
        }
    }
}

/// One number of a ray, by the same code that registers run through.
template <Ray R>
[[nodiscard]] ZEROTH_HOST_DEVICE float number_at(const R& ray, std::uint64_t element) noexcept {
    using Draw = typename R::template Draw<ScalarLanes>;
    const std::uint64_t tile = element / tile_size<R>;
    const auto within = static_cast<int>(element % tile_size<R>);
    const int vector = within / tile_lanes;
    Draw draw[1];
    draw_from<ScalarLanes>(ray, tile * tile_lanes + static_cast<std::uint64_t>(within % tile_lanes), static_cast<unsigned>(vector / R::vectors),
                           draw);
    float z[R::vectors];
    draw[0].next(z);
    return z[vector % R::vectors];
}

/// z in lane l if bit l of the word is set, else 0.
template <class Lanes>
ZEROTH_INLINE typename Lanes::Float lanes_of_bits(std::uint32_t word, const typename Lanes::Float& z) noexcept {
    const auto bit = Lanes::broadcast_word(word) & Lanes::lane_bits();
    const auto set = Lanes::template shift_right<31>(Lanes::broadcast_word(0) - bit);
    return Lanes::from_bits(Lanes::bits(z) & (Lanes::broadcast_word(0) - set));
}

ZEROTH_END_NAMESPACE
