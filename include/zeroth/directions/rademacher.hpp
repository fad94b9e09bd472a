#pragma once

#include <zeroth/directions/direction.hpp>

#include <cstdint>
#include <string_view>

ZEROTH_BEGIN_NAMESPACE

/// Signs: +1 or -1 with equal probability, one random bit each.
///
/// E z = 0, z^2 = 1. Bit 31 - g of word k of a lane is the sign of the lane's register 4 g + k.
/// Cost: a 128th of a Philox evaluation a number, the cheapest direction. State: none.
/// Source: Spall 1992 (SPSA's Bernoulli perturbations).
struct Rademacher {
    static constexpr std::string_view name = "rademacher";
    static constexpr float largest = 1.0f;
    static constexpr bool signs = true;
    static constexpr int groups = 32;
    static constexpr int vectors = 4;
    static constexpr bool is_device_copyable = true;

    using Ray = PhiloxRay<Rademacher>;

    template <class Lanes>
    ZEROTH_INLINE static void next(typename Lanes::Word (&words)[4], typename Lanes::Float (&z)[4]) noexcept {
        ZEROTH_UNROLL
        for (int k = 0; k < 4; ++k) {
            z[k] = one<Lanes>(words, k);
        }
    }
    /// The next group's register k, each once.
    template <class Lanes>
    ZEROTH_INLINE static typename Lanes::Float one(typename Lanes::Word (&words)[4], int k) noexcept {
        const auto z = Lanes::from_bits((words[k] & Lanes::broadcast_word(0x80000000u)) | Lanes::broadcast_word(0x3F800000u));
        words[k] = words[k] + words[k];
        return z;
    }

    ZEROTH_HOST_DEVICE float operator()(const Key& key, const BlockIdentity& block, std::uint64_t element) const noexcept {
        return number_of<Rademacher>(key, block, element);
    }
};

ZEROTH_END_NAMESPACE
