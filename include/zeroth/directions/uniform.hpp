#pragma once

#include <zeroth/directions/direction.hpp>

#include <cstdint>
#include <string_view>

ZEROTH_BEGIN_NAMESPACE

/// Uniform numbers of unit variance: the 2^16 midpoints of equal steps over (-sqrt 3, sqrt 3).
///
///   z = sqrt(3 / (2^32 - 1)) (2 k - (2^16 - 1)),  k = 16 random bits
///
/// Mean exactly 0, variance 1 to float rounding. Cost: an eighth of a Philox evaluation a number. State: none.
struct Uniform {
    static constexpr std::string_view name = "uniform";
    static constexpr float largest = 1.7320245f;
    static constexpr int groups = 4;
    static constexpr int vectors = 2;
    static constexpr bool is_device_copyable = true;

    using Ray = PhiloxRay<Uniform>;

    template <class Lanes>
    ZEROTH_INLINE static void next(typename Lanes::Word (&words)[4], typename Lanes::Float (&z)[2]) noexcept {
        const auto word = words[0];
        words[0] = words[1];
        words[1] = words[2];
        words[2] = words[3];
        // Each half in the top of a signed word, with the half step below it: 17 bits, so its conversion is exact.
        const auto half_step = Lanes::broadcast_word(0x8000u);
        const auto scale = Lanes::broadcast(0x1.bb67aep-31f);
        z[0] = Lanes::product(Lanes::signed_to_float(Lanes::template shift_left<16>(word) | half_step), scale);
        z[1] = Lanes::product(
            Lanes::signed_to_float((word & Lanes::broadcast_word(0xFFFF0000u)) | half_step), scale);
    }

    ZEROTH_HOST_DEVICE float operator()(const Key& key, const BlockIdentity& block, std::uint64_t element) const noexcept {
        return number_of<Uniform>(key, block, element);
    }
};

ZEROTH_END_NAMESPACE
