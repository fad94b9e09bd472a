#pragma once

#include <zeroth/random/key.hpp>
#include <zeroth/random/scalar_lanes.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

ZEROTH_BEGIN_NAMESPACE

/// A direction is a pure function z(key, block, element) of zero mean and unit second moment (E z z' = I): it depends on nothing else,
/// not on threads, vector width, the other blocks or the device. `largest` bounds |z|.
///
/// A direction of one's own needs only this much; the backends then call it element by element. To be vectorised it offers what
/// VectorDirection asks for.
template <class D>
concept Direction = std::copy_constructible<D> &&
                    requires(const D& direction, const Key& key, const BlockIdentity& block, std::uint64_t element) {
                        { direction(key, block, element) } -> std::same_as<float>;
                        { D::largest } -> std::convertible_to<double>;
                    };

/// Whether E z^2 = 1 for the weights that the direction touches, as it should be; one that is made for an estimator which knows better
/// says `static constexpr bool unit_second_moment = false`.
template <class D>
inline constexpr bool unit_second_moment_of = true;
template <class D>
    requires requires { D::unit_second_moment; }
inline constexpr bool unit_second_moment_of<D> = D::unit_second_moment;

/// Whether every z is 1 or -1 (or 0, under a mask), so that a product with it is exact: the direction then says
/// `static constexpr bool signs = true`.
template <class D>
inline constexpr bool draws_signs = false;
template <class D>
    requires requires { D::signs; }
inline constexpr bool draws_signs<D> = D::signs;

/// A direction that forms whole registers. One Draw holds the random words of Lanes::width consecutive counters;
/// `groups` calls of next() yield `vectors` registers each, register j of counter 16 t + l being element
/// (t * groups * vectors + j) * 16 + l of the block.
template <class D>
concept VectorDirection = Direction<D> && requires {
    { D::groups } -> std::convertible_to<int>;
    { D::vectors } -> std::convertible_to<int>;
    typename D::template Draw<ScalarLanes>;
};

/// A direction that leaves in each stream what its draws need to know of the block: prepare(stream, block_index), at least once a traversal
/// and range, whenever a move is made ready for a block.
template <class D>
concept PreparedDirection = VectorDirection<D> && requires(const D& direction, Stream& stream, std::size_t block_index) {
    direction.prepare(stream, block_index);
};

/// A direction that knows where it is 0, as one under a mask may: is_zero(stream, first, count) says that all z of elements first to
/// first + count - 1 are, for the stream's key. Traversals that only add to the weights leave the stretches untouched in which all their
/// keys' are.
template <class D>
concept SparseDirection = VectorDirection<D> && requires(const Stream& stream, std::uint64_t first, std::uint64_t count) {
    { D::is_zero(stream, first, count) } -> std::same_as<bool>;
};

/// A direction that keeps numbers formed ahead for its draws, as a pool is: reserve(blocks, max_keys) takes the memory for traversals of
/// that many keys, once; form(key), called by one thread for each key of a traversal before it, makes the direction ready for them, and
/// takes more where they are more. What a traversal's keys have stays for the next, which may have to go back. Of copies, each forms its
/// own.
template <class D, class Blocks>
concept FormedDirection = PreparedDirection<D> && requires(D& direction, const Blocks& blocks, std::size_t max_keys, const Key& key) {
    direction.reserve(blocks, max_keys);
    direction.form(key);
};

/// A direction with settings: validate() throws std::invalid_argument for one out of range.
template <class D>
concept ConfiguredDirection = Direction<D> && requires(const D& direction) { direction.validate(); };

/// A direction made for certain blocks: validate_for(blocks) throws std::invalid_argument where those to be trained are others.
template <class D, class Blocks>
concept DirectionOfBlocks = Direction<D> && requires(const D& direction, const Blocks& blocks) { direction.validate_for(blocks); };

/// A direction of the form z = scale * raw, the factor depending on the sum of the block's raw squares (Sphere). The sum is taken over
/// whole numbers (squared_units), so that its order does not matter.
template <class D>
concept NormalisedDirection = VectorDirection<D> && requires(std::int64_t units, std::uint64_t size) {
    { D::scale(units, size) } -> std::same_as<double>;
};

/// A direction that is another one's with a factor for each block (Scaled): z = scale_of(block) * raw z. Traversals draw the raw one; the
/// factor goes into their coefficients.
template <class D>
concept BlockScaledDirection = Direction<D> && requires(D& direction, const BlockIdentity& block) {
    { direction.scale_of(block) } -> std::same_as<double>;
    direction.raw();
};

/// What traversals draw: the direction, or what a block-scaled one scales.
template <class D>
constexpr auto& raw_direction(D& direction) noexcept {
    if constexpr (BlockScaledDirection<std::remove_const_t<D>>) {
        return direction.raw();
    } else {
        return direction;
    }
}
template <class D>
using RawDirection = std::remove_cvref_t<decltype(raw_direction(std::declval<D&>()))>;

/// round(2^15 z)^2, exact for |z| < 128: what a normalised direction sums. Relative error of the sum: under 2^-15 / rms(z).
ZEROTH_HOST_DEVICE inline std::int64_t squared_units(float z) noexcept {
    const float scaled = z * 0x1p15f;
    const auto units = static_cast<std::int64_t>(scaled < 0 ? scaled - 0.5f : scaled + 0.5f);
    return units * units;
}

/// Elements that share a run of sixteen counters.
template <class D>
inline constexpr std::uint64_t tile_size = tile_lanes;
template <VectorDirection D>
inline constexpr std::uint64_t tile_size<D> = std::uint64_t{tile_lanes} * D::groups * D::vectors;

/// Elements that are left untouched together where a SparseDirection is 0: a tile, or as many as make 512.
template <class D>
inline constexpr std::uint64_t stretch_size = (tile_size<D> < 512 ? (511 + tile_size<D>) / tile_size<D> : 1) * tile_size<D>;

/// Of so many keys at most it is asked; traversals of more visit every stretch.
inline constexpr std::size_t max_skipping_moves = 16;

/// The Draw of every direction that turns four Philox words a lane into numbers: D::next consumes them.
template <class D, class Lanes>
struct PhiloxDraw {
    typename Lanes::Word word[4];

    ZEROTH_INLINE void next(typename Lanes::Float (&z)[D::vectors]) noexcept { D::template next<Lanes>(word, z); }

    /// Draws for N runs of counters at once, in lock step, so that the chains of multiplications overlap.
    template <int N>
    ZEROTH_INLINE static void draw(const D&, const Stream* const (&streams)[N], const std::uint64_t (&counters)[N],
                                   PhiloxDraw (&draws)[N]) noexcept {
        typename Lanes::Word words[N][4];
        Lanes::template philox<Philox4x32::rounds, N>(streams, counters, words);
        ZEROTH_UNROLL
        for (int n = 0; n < N; ++n) {
            ZEROTH_UNROLL
            for (int k = 0; k < 4; ++k) {
                draws[n].word[k] = words[n][k];
            }
        }
    }
};

/// The draw of one run of counters from a group of theirs on: by Draw::draw_from where there is one, else those before it are drawn in
/// vain.
template <class Lanes, class D, class Draw>
ZEROTH_INLINE void draw_from(const D& direction, const Stream& stream, std::uint64_t counter, unsigned group, Draw (&draw)[1]) noexcept {
    if constexpr (requires { Draw::draw_from(direction, stream, counter, group, draw[0]); }) {
        Draw::draw_from(direction, stream, counter, group, draw[0]);
    } else {
        const Stream* const streams[1] = {&stream};
        const std::uint64_t counters[1] = {counter};
        Draw::template draw<1>(direction, streams, counters, draw);
        for (unsigned passed = 0; passed < group; ++passed) {
            typename Lanes::Float z[D::vectors];
            draw[0].next(z);
        }
    }
}

/// z in lane l if bit l of the word is set, else 0.
template <class Lanes>
ZEROTH_INLINE typename Lanes::Float lanes_of_bits(std::uint32_t word, const typename Lanes::Float& z) noexcept {
    const auto bit = Lanes::broadcast_word(word) & Lanes::lane_bits();
    const auto set = Lanes::template shift_right<31>(Lanes::broadcast_word(0) - bit);
    return Lanes::from_bits(Lanes::bits(z) & (Lanes::broadcast_word(0) - set));
}

/// One number of a vector direction, by the same code that the registers run through.
template <VectorDirection D>
ZEROTH_HOST_DEVICE float number_at(const D& direction, const Stream& stream, std::uint64_t element) noexcept {
    using Draw = typename D::template Draw<ScalarLanes>;
    const std::uint64_t tile = element / tile_size<D>;
    const auto within = static_cast<int>(element % tile_size<D>);
    const Stream* const streams[1] = {&stream};
    const std::uint64_t counters[1] = {tile * tile_lanes + static_cast<std::uint64_t>(within % tile_lanes)};
    Draw draw[1];
    Draw::template draw<1>(direction, streams, counters, draw);
    float z[D::vectors];
    const int vector = within / tile_lanes;
    for (int group = 0; group <= vector / D::vectors; ++group) {
        draw[0].next(z);
    }
    return z[vector % D::vectors];
}

template <VectorDirection D>
ZEROTH_HOST_DEVICE float number_at(const D& direction, const Key& key, const BlockIdentity& block, std::uint64_t element) noexcept {
    return number_at(direction, Stream{.key = key, .block = block, .philox = philox_key(key, Purpose::direction)}, element);
}

ZEROTH_END_NAMESPACE
