#pragma once

#include <zeroth/directions/bit_masks.hpp>
#include <zeroth/directions/masked.hpp>
#include <zeroth/directions/masks.hpp>
#include <zeroth/ground/array.hpp>
#include <zeroth/ground/state_stream.hpp>
#include <zeroth/parameters/parameters.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

ZEROTH_BEGIN_NAMESPACE

/// A mask chosen at run time: of bits where there are any, otherwise drawn.
struct AnyMask {
    Bernoulli drawn{.keep = 1};
    BitMask bits{};
    bool of_bits = false;
    /// Of the blocks that keep_of_block counts.
    std::vector<std::uint64_t> hashes{};

    void validate() const { drawn.validate(); }
    void validate_for(std::span<const Block> blocks) const {
        if (of_bits) {
            bits.validate_for(blocks);
        } else {
            drawn.validate_for(blocks);
        }
    }
    struct Ray {
        BitMask::Ray bits;
        Bernoulli::Ray drawn;
        bool of_bits;

        template <class Lanes>
        ZEROTH_INLINE typename Lanes::Float read(std::uint64_t element, const typename Lanes::Float& z) const noexcept {
            return of_bits ? bits.read<Lanes>(element, z) : drawn.read<Lanes>(element, z);
        }
        [[nodiscard]] bool none(std::uint64_t first, std::uint64_t count) const noexcept { return of_bits && bits.none(first, count); }
    };
    [[nodiscard]] Ray ray(const Key& key, const BlockIdentity& block, std::size_t index) const noexcept {
        return {bits.ray(key, block, index), drawn.ray(key, block, index), of_bits};
    }
    [[nodiscard]] bool operator()(const Key& key, const BlockIdentity& block, std::uint64_t element) const {
        if (of_bits) {
            return bits(key, block, element);
        }
        Bernoulli own = drawn;
        for (std::size_t b = 0; b < hashes.size(); ++b) {
            if (hashes[b] == block.hash && b < drawn.keep_of_block.size()) {
                own.keep = drawn.keep_of_block[b];
            }
        }
        return own(key, block, element);
    }
};

enum class MaskKind : std::uint8_t { none, bernoulli, global, magnitude, small, n_of_m };

/// Which mask, and how much it lets through.
struct MaskChoice {
    MaskKind kind = MaskKind::none;
    double share = 1;
    std::uint32_t n = 0;
    std::uint32_t m = 0;
    /// Steps after which it is drawn or chosen anew; 0: never.
    std::uint64_t every = 0;
};

/// The memory of such a mask, chosen by the weights as they stand: to be made, and chosen anew, while they are settled.
class MaskMemory {
  public:
    MaskMemory(const Parameters& parameters, const MaskChoice& choice)
        : parameters_{parameters}, choice_{choice}, bits_{is_chosen() ? parameters : Parameters{}} {
        choose();
    }

    [[nodiscard]] AnyMask mask() const {
        AnyMask mask;
        mask.of_bits = is_chosen();
        if (mask.of_bits) {
            mask.bits = bits_.mask();
        } else {
            for (const Block& block : parameters_.blocks()) {
                mask.hashes.push_back(block.identity.hash);
            }
            mask.drawn = {.keep = choice_.share, .refresh_every = choice_.every, .keep_of_block = {shares_.data(), shares_.size()}};
        }
        return mask;
    }
    /// Whether it is to be chosen anew before a step.
    [[nodiscard]] bool is_due(std::uint64_t step) const noexcept {
        return choice_.every != 0 && step != 0 && step % choice_.every == 0 && choice_.kind != MaskKind::bernoulli;
    }
    void choose() {
        switch (choice_.kind) {
        case MaskKind::magnitude: bits_.keep_largest(choice_.share); return;
        case MaskKind::small: bits_.keep_smallest(choice_.share); return;
        case MaskKind::n_of_m: bits_.keep_n_of_m(choice_.n, choice_.m); return;
        case MaskKind::global: {
            // In place: the mask in use points to it.
            const Array<double> shares = shares_by_magnitude(parameters_, choice_.share);
            if (shares_.size() == 0) {
                shares_ = Array<double>(shares.size());
            }
            for (std::size_t b = 0; b < shares.size(); ++b) {
                shares_[b] = shares[b];
            }
            return;
        }
        case MaskKind::bernoulli:
        case MaskKind::none: return;
        }
    }

    void save(StateWriter& writer) const {
        writer.field("mask", std::as_bytes(bits_.words()));
        writer.field("shares", std::as_bytes(std::span{shares_.data(), shares_.size()}));
    }
    void load(StateReader& reader) {
        reader.field("mask", std::as_writable_bytes(bits_.words()));
        reader.field("shares", std::as_writable_bytes(std::span{shares_.data(), shares_.size()}));
    }

  private:
    [[nodiscard]] bool is_chosen() const noexcept {
        return choice_.kind == MaskKind::magnitude || choice_.kind == MaskKind::small || choice_.kind == MaskKind::n_of_m;
    }

    Parameters parameters_;
    MaskChoice choice_;
    BitMasks bits_;
    Array<double> shares_;
};

ZEROTH_END_NAMESPACE
