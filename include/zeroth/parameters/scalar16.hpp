#pragma once

#include <zeroth/config.hpp>

#include <cstdint>

ZEROTH_BEGIN_NAMESPACE

/// Storage of a bfloat16: the high half of a float. Conversions round to nearest even, keep subnormals, infinities and NaN.
struct bfloat16 {
    std::uint16_t bits = 0;

    bfloat16() = default;
    ZEROTH_HOST_DEVICE explicit constexpr bfloat16(float x) noexcept : bits{round(x)} {}
    ZEROTH_HOST_DEVICE constexpr operator float() const noexcept {
        return __builtin_bit_cast(float, static_cast<std::uint32_t>(bits) << 16);
    }

  private:
    ZEROTH_HOST_DEVICE static constexpr std::uint16_t round(float x) noexcept {
        const auto pattern = __builtin_bit_cast(std::uint32_t, x);
        if ((pattern & 0x7FFFFFFFu) > 0x7F800000u) {
            return static_cast<std::uint16_t>((pattern >> 16) | 0x40u);
        }
        return static_cast<std::uint16_t>((pattern + 0x7FFFu + ((pattern >> 16) & 1u)) >> 16);
    }
};

/// Storage of an IEEE half. Conversions round to nearest even, keep subnormals, infinities and NaN.
struct float16 {
    std::uint16_t bits = 0;

    float16() = default;
    ZEROTH_HOST_DEVICE explicit constexpr float16(float x) noexcept : bits{round(x)} {}
    ZEROTH_HOST_DEVICE constexpr operator float() const noexcept {
        const std::uint32_t sign = (static_cast<std::uint32_t>(bits) & 0x8000u) << 16;
        const std::uint32_t magnitude = bits & 0x7FFFu;
        if (magnitude >= 0x7C00u) {
            const std::uint32_t quiet = magnitude > 0x7C00u ? 0x00400000u : 0u;
            return __builtin_bit_cast(float, sign | 0x7F800000u | (magnitude << 13) | quiet);
        }
        // Shifted into a float's fields the exponent is 112 too small; the product mends it, and normalises subnormals, exactly.
        const float value = __builtin_bit_cast(float, magnitude << 13) * 0x1p112f;
        return __builtin_bit_cast(float, sign | __builtin_bit_cast(std::uint32_t, value));
    }

  private:
    ZEROTH_HOST_DEVICE static constexpr std::uint16_t round(float x) noexcept {
        const auto pattern = __builtin_bit_cast(std::uint32_t, x);
        const std::uint32_t sign = (pattern >> 16) & 0x8000u;
        const std::uint32_t magnitude = pattern & 0x7FFFFFFFu;
        if (magnitude > 0x7F800000u) {
            return static_cast<std::uint16_t>(sign | 0x7E00u | ((magnitude >> 13) & 0x3FFu));
        }
        if (magnitude >= 0x477FF000u) { // 65520 and above round to infinity
            return static_cast<std::uint16_t>(sign | 0x7C00u);
        }
        if (magnitude < 0x38800000u) { // under 2^-14: adding 1/2 leaves the multiple of 2^-24 in the low bits
            const float shifted = __builtin_bit_cast(float, magnitude) + 0.5f;
            return static_cast<std::uint16_t>(sign | (__builtin_bit_cast(std::uint32_t, shifted) - 0x3F000000u));
        }
        const std::uint32_t rounded = magnitude + 0xFFFu + ((magnitude >> 13) & 1u);
        return static_cast<std::uint16_t>(sign | ((rounded - 0x38000000u) >> 13));
    }
};

ZEROTH_END_NAMESPACE
