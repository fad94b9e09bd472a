#pragma once

#include <zeroth/random/key.hpp>

#include <cstdint>

ZEROTH_BEGIN_NAMESPACE

/// 32 hashed bits for each element of a block, for stochastic rounding and for masks. They need no tiles, so they go with
/// any direction. The hash is a bijection of the element's low 32 bits for each salt; a salt comes from Philox, so steps are
/// independent of each other. Not for directions: it is a mixing function, not a tested generator.
/// Source of the constants: C. Wellons, "Prospecting for hash functions" (bias 0.17).
struct Dither {
    std::uint32_t salt = 0;

    ZEROTH_HOST_DEVICE constexpr explicit Dither(std::uint32_t with) noexcept : salt{with} {}
    ZEROTH_HOST_DEVICE constexpr Dither(const Key& key, const BlockIdentity& block, Purpose purpose = Purpose::rounding) noexcept {
        const PhiloxKey philox = philox_key(key, purpose);
        salt = philox4x32(counter_words(0, block.hash), philox).word[0];
    }

    /// Bits for the elements first, first + 1, ..., one a lane; all lanes lie in one aligned run of 2^32.
    template <class Lanes>
    ZEROTH_INLINE typename Lanes::Word words(std::uint64_t first) const noexcept {
        const typename Lanes::Word x = mixed<Lanes>(first);
        return x ^ Lanes::template shift_right<16>(x);
    }
    /// The upper `Bits` of words(first), as numbers under 2^Bits: cheaper than all of them.
    template <class Lanes, int Bits>
    ZEROTH_INLINE typename Lanes::Word upper_bits(std::uint64_t first) const noexcept {
        static_assert(Bits <= 16, "the lower half is mixed once more in words()");
        return Lanes::template shift_right<32 - Bits>(mixed<Lanes>(first));
    }

  private:
    template <class Lanes>
    ZEROTH_INLINE typename Lanes::Word mixed(std::uint64_t first) const noexcept {
        using Word = typename Lanes::Word;
        const std::uint32_t high = static_cast<std::uint32_t>(first >> 32) * 0x9E3779B9u;
        // first is a multiple of the lanes' number: they differ in the lowest bits alone, so what the upper half does is the same in all.
        const std::uint32_t start = static_cast<std::uint32_t>(first) ^ (salt + high);
        const Word x = (Lanes::broadcast_word(start ^ start >> 16) ^ Lanes::iota(0)) * Lanes::broadcast_word(0x7FEB352Du);
        return (x ^ Lanes::template shift_right<15>(x)) * Lanes::broadcast_word(0x846CA68Bu);
    }
};

ZEROTH_END_NAMESPACE
