#pragma once

#include <zeroth/directions/direction.hpp>
#include <zeroth/directions/gaussian.hpp>
#include <zeroth/random/dither.hpp>
#include <zeroth/ground/setting.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>

ZEROTH_BEGIN_NAMESPACE

/// Which elements of a block a masked direction touches: a pure function of the key's seed and step, the block and the element.
///
///     struct Mask {
///         bool operator()(const Key&, const BlockIdentity&, std::uint64_t element) const;
///         void prepare(Stream&, std::size_t block_index) const;   // leaves in the stream what read() needs
///         template <class Lanes> static typename Lanes::Float read(const Stream&, std::uint64_t element, Float z);   // z or 0
///         void validate_for(std::span<const Block>) const;       // optional: throws for blocks that it is not for
///         static bool none(const Stream&, std::uint64_t first, std::uint64_t count); // optional: whether none of these is set for the stream's key
///     };
template <class M>
concept Mask = std::copy_constructible<M> && requires(const M& mask, const Key& key, const BlockIdentity& block, std::uint64_t element,
                                                      Stream& stream, std::size_t index, float z) {
    { mask(key, block, element) } -> std::same_as<bool>;
    mask.prepare(stream, index);
    { M::template read<ScalarLanes>(stream, element, z) } -> std::same_as<float>;
    mask.validate();
};

/// A direction that is 0 where a mask is not: perturbation and update share it, so both touch the same weights.
///
/// E z z' is the mask's diagonal: the estimate is the gradient's, restricted to the mask. Weight decay and a rule's own state act on all
/// weights nevertheless. One mask at a time.
/// Cost: the direction's and the mask's. Source: Zhang et al., arXiv 2402.11592, section 4 (gradient sparsity).
template <VectorDirection D = Gaussian, class M = void>
    requires(!NormalisedDirection<D> && !requires(const D& direction) { direction.mask; })
struct Masked {
    static constexpr float largest = D::largest;
    static constexpr bool signs = draws_signs<D>;
    static constexpr bool unit_second_moment = unit_second_moment_of<D>;
    static constexpr int groups = D::groups;
    static constexpr int vectors = D::vectors;

    D direction{};
    M mask{};

    template <class Lanes>
    struct Draw {
        typename D::template Draw<Lanes> inner;
        const Stream* stream;
        std::uint64_t element;

        ZEROTH_INLINE void next(typename Lanes::Float (&z)[vectors]) noexcept {
            inner.next(z);
            ZEROTH_UNROLL
            for (int j = 0; j < vectors; ++j) {
                z[j] = M::template read<Lanes>(*stream, element, z[j]);
                element += static_cast<std::uint64_t>(tile_lanes);
            }
        }
        template <int N>
        ZEROTH_INLINE static void draw(const Masked& direction, const Stream* const (&streams)[N],
                                       const std::uint64_t (&counters)[N], Draw (&draws)[N]) noexcept {
            typename D::template Draw<Lanes> inner[N];
            D::template Draw<Lanes>::template draw<N>(direction.direction, streams, counters, inner);
            ZEROTH_UNROLL
            for (int n = 0; n < N; ++n) {
                draws[n].inner = inner[n];
                draws[n].stream = streams[n];
                draws[n].element = counters[n] / tile_lanes * tile_size<D> + counters[n] % tile_lanes;
            }
        }
        ZEROTH_INLINE static void draw_from(const Masked& direction, const Stream& stream, std::uint64_t counter, unsigned group,
                                            Draw& draw) noexcept {
            typename D::template Draw<Lanes> inner[1];
            zeroth::draw_from<Lanes>(direction.direction, stream, counter, group, inner);
            draw.inner = inner[0];
            draw.stream = &stream;
            draw.element = counter / tile_lanes * tile_size<D> + std::uint64_t{group} * (vectors * tile_lanes) + counter % tile_lanes;
        }
    };

    void validate() const {
        if constexpr (ConfiguredDirection<D>) {
            direction.validate();
        }
        mask.validate();
    }
    template <class Blocks>
    void validate_for(const Blocks& blocks) const {
        if constexpr (DirectionOfBlocks<D, Blocks>) {
            direction.validate_for(blocks);
        }
        if constexpr (requires { mask.validate_for(blocks); }) {
            mask.validate_for(blocks);
        }
    }
    void prepare(Stream& stream, std::size_t block_index) const {
        if constexpr (PreparedDirection<D>) {
            direction.prepare(stream, block_index);
        }
        mask.prepare(stream, block_index);
    }
    template <class Blocks>
        requires FormedDirection<D, Blocks>
    void reserve(const Blocks& blocks, std::size_t max_keys) {
        direction.reserve(blocks, max_keys);
    }
    void form(const Key& key)
        requires requires(D& inner) { inner.form(key); }
    {
        direction.form(key);
    }
    [[nodiscard]] std::size_t state_bytes() const noexcept
        requires requires(const D& inner) { inner.state_bytes(); }
    {
        return direction.state_bytes();
    }

    [[nodiscard]] ZEROTH_HOST_DEVICE static bool is_zero(const Stream& stream, std::uint64_t first, std::uint64_t count) noexcept
        requires requires { M::none(stream, first, count); }
    {
        return M::none(stream, first, count);
    }

    ZEROTH_HOST_DEVICE float operator()(const Key& key, const BlockIdentity& block, std::uint64_t element) const noexcept {
        return mask(key, block, element) ? direction(key, block, element) : 0.0f;
    }
};
template <class D, class M>
Masked(D, M) -> Masked<D, M>;

/// Each weight with probability `keep`, by hashed bits of the seed, the block and the element: nothing is stored.
///
/// P(mask) = keep, to 2^-31; independent between weights, blocks and draws.
/// State: none. Throws std::invalid_argument if keep is not in (0, 1].
/// Source: Zhang et al., arXiv 2402.11592, whose code keeps Phi(s) of the weights where s was asked for, and skips the mask in updates.
struct Bernoulli {
    /// The share of the weights that are touched.
    double keep = 0.1;
    /// Steps after which the mask is drawn anew; 0: never.
    std::uint64_t refresh_every = 0;
    /// Where not empty, a share from 0 to 1 for each block that is trained, in their order, in place of keep; the numbers stay the caller's.
    std::span<const double> keep_of_block{};

    void validate() const { require_setting(keep > 0 && keep <= 1, "keep", keep, "over 0 and at most 1"); }

    void prepare(Stream& stream, std::size_t block_index) const noexcept {
        stream.salt = salt(stream.key, stream.block);
        stream.threshold = threshold(block_index < keep_of_block.size() ? keep_of_block[block_index] : keep);
    }
    template <class Lanes>
    ZEROTH_INLINE static typename Lanes::Float read(const Stream& stream, std::uint64_t element, const typename Lanes::Float& z) noexcept {
        // Of 31 bits, so that a difference's sign bit says which is less.
        const auto bits = Lanes::template shift_right<1>(Dither{stream.salt}.template words<Lanes>(element));
        const auto less = Lanes::template shift_right<31>(bits - Lanes::broadcast_word(stream.threshold));
        return Lanes::from_bits(Lanes::bits(z) & (Lanes::broadcast_word(0) - less));
    }
    /// Throws std::invalid_argument unless there is a share from 0 to 1 for each of these blocks, or none for any.
    template <class Blocks>
    void validate_for(const Blocks& blocks) const {
        require_setting(keep_of_block.empty() || keep_of_block.size() == blocks.size(), "keep_of_block.size()",
                        static_cast<double>(keep_of_block.size()), "the number of blocks, or 0");
        for (const double share : keep_of_block) {
            require_setting(share >= 0 && share <= 1, "keep_of_block", share, "from 0 to 1");
        }
    }
    /// For a `keep` that is the same in all blocks.
    bool operator()(const Key& key, const BlockIdentity& block, std::uint64_t element) const noexcept {
        return (Dither{salt(key, block)}.template words<ScalarLanes>(element) >> 1) < threshold(keep);
    }

  private:
    [[nodiscard]] std::uint32_t salt(const Key& key, const BlockIdentity& block) const noexcept {
        return Dither{Key{key.seed, refresh_every != 0 ? key.step / refresh_every : 0, 0}, block, Purpose::mask}.salt;
    }
    [[nodiscard]] static std::uint32_t threshold(double keep) noexcept { return static_cast<std::uint32_t>(keep * 0x1p31); }
};

/// The weights whose bit is set, a bit a weight for each block: of one's own, or from BitMasks.
///
/// Element i of blocks[b] is bit i % 32 of words[b][i / 32]. An optimizer may train some of the blocks; of others it is refused.
/// State: the bits, which the caller keeps and may change between steps.
struct BitMask {
    std::span<const std::uint32_t* const> words{};
    std::span<const BlockIdentity> blocks{};

    void validate() const noexcept {}
    /// Throws std::invalid_argument unless there are bits for each of these blocks.
    template <class Blocks>
    void validate_for(const Blocks& trained) const {
        for (std::size_t b = 0; b < trained.size(); ++b) {
            if (find(trained[b].identity, b) == blocks.size()) {
                throw std::invalid_argument{"zeroth: the mask has no bits for block '" + trained[b].name + "'"};
            }
        }
    }
    void prepare(Stream& stream, std::size_t block_index) const noexcept {
        const std::size_t b = find(stream.block, block_index);
        stream.bits = b < blocks.size() ? words[b] : nullptr;
    }
    template <class Lanes>
    ZEROTH_INLINE static typename Lanes::Float read(const Stream& stream, std::uint64_t element, const typename Lanes::Float& z) noexcept {
        // A register's elements lie in one word.
        return lanes_of_bits<Lanes>(stream.bits != nullptr && element < stream.block.size() ? stream.bits[element / 32] >> (element % 32) : 0, z);
    }
    [[nodiscard]] ZEROTH_HOST_DEVICE static bool none(const Stream& stream, std::uint64_t first, std::uint64_t count) noexcept {
        if (stream.bits == nullptr) {
            return true;
        }
        const std::uint64_t end = first + count < stream.block.size() ? first + count : stream.block.size();
        for (std::uint64_t word = first / 32; word * 32 < end; ++word) {
            if (stream.bits[word] != 0) {
                return false;
            }
        }
        return true;
    }
    bool operator()(const Key&, const BlockIdentity& block, std::uint64_t element) const noexcept {
        const std::size_t b = find(block, 0);
        return b < blocks.size() && (words[b][element / 32] >> (element % 32) & 1u) != 0;
    }

  private:
    /// The place of a block, which `likely` is if the parameters are the mask's own; the number of blocks if it has none.
    [[nodiscard]] std::size_t find(const BlockIdentity& block, std::size_t likely) const noexcept {
        if (likely < blocks.size() && blocks[likely] == block) {
            return likely;
        }
        std::size_t b = 0;
        while (b < blocks.size() && !(blocks[b] == block)) {
            ++b;
        }
        return b;
    }
};

ZEROTH_END_NAMESPACE
