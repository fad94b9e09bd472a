#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <zeroth/ground/array.hpp>
#include <zeroth/directions/masked.hpp>
#include <zeroth/directions/bit_masks.hpp>

#include "method.hpp"

namespace finetune {

/// A mask chosen at run time: of bits where there are any, otherwise drawn. It shows what a mask of one's own takes.
struct AnyMask {
    zeroth::Bernoulli drawn{.keep = 1};
    zeroth::BitMask bits{};
    bool of_bits = false;
    std::vector<std::uint64_t> hashes{};  ///< of the blocks that keep_of_block counts

    void validate() const { drawn.validate(); }
    template <class Blocks>
    void validate_for(const Blocks& blocks) const {
        if (of_bits) {
            bits.validate_for(blocks);
        } else {
            drawn.validate_for(blocks);
        }
    }
    struct Ray {
        zeroth::BitMask::Ray bits;
        zeroth::Bernoulli::Ray drawn;
        bool of_bits;

        template <class Lanes>
        ZEROTH_INLINE typename Lanes::Float read(std::uint64_t element, const typename Lanes::Float& z) const noexcept {
            return of_bits ? bits.read<Lanes>(element, z) : drawn.read<Lanes>(element, z);
        }
    };
    Ray ray(const zeroth::Key& key, const zeroth::BlockIdentity& block, std::size_t index) const noexcept {
        return {bits.ray(key, block, index), drawn.ray(key, block, index), of_bits};
    }
    bool operator()(const zeroth::Key& key, const zeroth::BlockIdentity& block, std::uint64_t element) const {
        if (of_bits) return bits(key, block, element);
        zeroth::Bernoulli own = drawn;
        for (std::size_t b = 0; b < hashes.size(); ++b) {
            if (hashes[b] == block.hash && b < drawn.keep_of_block.size()) own.keep = drawn.keep_of_block[b];
        }
        return own(key, block, element);
    }
};

/// The memory of a method's mask, chosen by the weights as they stand: to be made, and chosen anew, while they are settled.
class MaskMemory {
public:
    MaskMemory(const zeroth::Parameters& parameters, const MaskOption& option)
        : parameters_(parameters), option_(option), bits_(chosen() ? parameters : zeroth::Parameters{}) {
        choose();
    }

    AnyMask mask() const {
        AnyMask mask;
        mask.of_bits = chosen();
        if (mask.of_bits) {
            mask.bits = bits_.mask();
        } else {
            for (const zeroth::Block& block : parameters_.blocks()) mask.hashes.push_back(block.identity.hash);
            mask.drawn = {.keep = option_.share, .refresh_every = option_.every, .keep_of_block = {shares_.data(), shares_.size()}};
        }
        return mask;
    }

    /// Before a step, counted from 0.
    void choose_if_due(std::size_t step) {
        if (option_.every != 0 && step != 0 && step % option_.every == 0) choose();
    }

private:
    bool chosen() const { return option_.kind == MaskKind::magnitude || option_.kind == MaskKind::small || option_.kind == MaskKind::n_of_m; }

    void choose() {
        switch (option_.kind) {
        case MaskKind::magnitude: return bits_.keep_largest(option_.share);
        case MaskKind::small: return bits_.keep_smallest(option_.share);
        case MaskKind::n_of_m: return bits_.keep_n_of_m(option_.n, option_.m);
        case MaskKind::global: {
            // In place: the mask in use points to it.
            const zeroth::Array<double> shares = zeroth::shares_by_magnitude(parameters_, option_.share);
            if (shares_.size() == 0) shares_ = zeroth::Array<double>(shares.size());
            for (std::size_t b = 0; b < shares.size(); ++b) shares_[b] = shares[b];
            return;
        }
        case MaskKind::bernoulli:
        case MaskKind::none: break;
        }
    }

    zeroth::Parameters parameters_;
    MaskOption option_;
    zeroth::BitMasks bits_;
    zeroth::Array<double> shares_;
};

}  // namespace finetune
