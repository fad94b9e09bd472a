#pragma once

#include <zeroth/ground/setting.hpp>
#include <zeroth/parameters/block.hpp>
#include <zeroth/random/dither.hpp>
#include <zeroth/rays/ray.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>

ZEROTH_BEGIN_NAMESPACE

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

    struct Ray {
        static constexpr bool is_device_copyable = true;

        std::uint32_t salt;
        /// Of 2^31.
        std::uint32_t threshold;

        template <class Lanes>
        ZEROTH_INLINE typename Lanes::Float read(std::uint64_t element, const typename Lanes::Float& z) const noexcept {
            // Of 31 bits, so that a difference's sign bit says which is less.
            const auto bits = Lanes::template shift_right<1>(Dither{salt}.template words<Lanes>(element));
            const auto less = Lanes::template shift_right<31>(bits - Lanes::broadcast_word(threshold));
            return Lanes::from_bits(Lanes::bits(z) & (Lanes::broadcast_word(0) - less));
        }
    };
    [[nodiscard]] Ray ray(const Key& key, const BlockIdentity& block, std::size_t block_index) const noexcept {
        return {salt(key, block), threshold(block_index < keep_of_block.size() ? keep_of_block[block_index] : keep)};
    }
    /// Throws std::invalid_argument unless there is a share from 0 to 1 for each of these blocks, or none for any.
    void validate_for(std::span<const Block> blocks) const {
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
    /// Where the words lie; the spans are the host's.
    MemorySpace space = MemorySpace::host;

    void validate() const noexcept {}
    /// Throws std::invalid_argument unless there are bits for each of these blocks, where the block lies.
    void validate_for(std::span<const Block> trained) const {
        for (std::size_t b = 0; b < trained.size(); ++b) {
            if (trained[b].options.space != space) {
                throw std::invalid_argument{"zeroth: the mask's bits lie in " + std::string{to_string(space)} + " memory, block '" +
                                            trained[b].name + "' in " + std::string{to_string(trained[b].options.space)} + " memory"};
            }
            if (find(trained[b].identity, b) == blocks.size()) {
                throw std::invalid_argument{"zeroth: the mask has no bits for block '" + trained[b].name + "'"};
            }
        }
    }
    struct Ray {
        static constexpr bool is_device_copyable = true;

        /// Null where the mask has no bits.
        const std::uint32_t* words;
        std::uint64_t size;

        template <class Lanes>
        ZEROTH_INLINE typename Lanes::Float read(std::uint64_t element, const typename Lanes::Float& z) const noexcept {
            // A register's elements lie in one word.
            return lanes_of_bits<Lanes>(words != nullptr && element < size ? words[element / 32] >> (element % 32) : 0, z);
        }
        [[nodiscard]] ZEROTH_HOST_DEVICE bool none(std::uint64_t first, std::uint64_t count) const noexcept {
            if (words == nullptr) {
                return true;
            }
            const std::uint64_t end = first + count < size ? first + count : size;
            for (std::uint64_t word = first / 32; word * 32 < end; ++word) {
                if (words[word] != 0) {
                    return false;
                }
            }
            return true;
        }
    };
    [[nodiscard]] Ray ray(const Key&, const BlockIdentity& block, std::size_t block_index) const noexcept {
        const std::size_t b = find(block, block_index);
        return {b < blocks.size() ? words[b] : nullptr, block.size()};
    }
    /// Throws std::logic_error where the bits lie in a device's memory.
    bool operator()(const Key&, const BlockIdentity& block, std::uint64_t element) const {
        if (space != MemorySpace::host) {
            throw std::logic_error{"zeroth: a mask's bits in device memory are read there alone"};
        }
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
