#pragma once

#include <zeroth/directions/direction.hpp>

#include <cstdint>

ZEROTH_BEGIN_NAMESPACE

/// Signs: +1 or -1 with equal probability, one random bit each.
///
/// E z = 0, z^2 = 1. Bit 31 - g of word k of a lane is the sign of the lane's register 4 g + k.
/// Cost: a 128th of a Philox evaluation a number, the cheapest direction. State: none.
/// Source: Spall 1992 (SPSA's Bernoulli perturbations).
struct Rademacher {
    static constexpr float largest = 1.0f;
    static constexpr bool signs = true;
    static constexpr int groups = 32;
    static constexpr int vectors = 4;

    template <class Lanes>
    using Draw = PhiloxDraw<Rademacher, Lanes>;

    template <class Lanes>
    ZEROTH_INLINE static void next(typename Lanes::Word (&words)[4], typename Lanes::Float (&z)[4]) noexcept {
        const auto sign_bit = Lanes::broadcast_word(0x80000000u);
        const auto one = Lanes::broadcast_word(0x3F800000u);
        ZEROTH_UNROLL
        for (int k = 0; k < 4; ++k) {
            z[k] = Lanes::from_bits((words[k] & sign_bit) | one);
            words[k] = words[k] + words[k];
        }
    }

    ZEROTH_HOST_DEVICE float operator()(const Key& key, const BlockIdentity& block, std::uint64_t element) const noexcept {
        return number_at(*this, key, block, element);
    }
};

ZEROTH_END_NAMESPACE
