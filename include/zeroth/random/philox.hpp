#pragma once

#include <zeroth/config.hpp>

#include <cstdint>

ZEROTH_BEGIN_NAMESPACE

/// The two 32-bit words that select one of 2^64 Philox permutations.
struct PhiloxKey {
    std::uint32_t low = 0;
    std::uint32_t high = 0;

    friend constexpr bool operator==(const PhiloxKey&, const PhiloxKey&) = default;
};

/// 128 bits: a counter, or the random bits it is mapped to.
struct PhiloxWords {
    std::uint32_t word[4] = {};

    friend constexpr bool operator==(const PhiloxWords&, const PhiloxWords&) = default;
};

/// The constants of Philox4x32. Source: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
struct Philox4x32 {
    static constexpr std::uint32_t multiplier_0 = 0xD2511F53u;
    static constexpr std::uint32_t multiplier_1 = 0xCD9E8D57u;
    static constexpr std::uint32_t weyl_low = 0x9E3779B9u;
    static constexpr std::uint32_t weyl_high = 0xBB67AE85u;
    static constexpr int rounds = 10;
};

/// Philox4x32: a bijection of 128-bit counters for each key, passing BigCrush from 7 rounds on.
/// The same words on every host and device; equal to Random123's known-answer vectors.
template <int Rounds = Philox4x32::rounds>
ZEROTH_HOST_DEVICE constexpr PhiloxWords philox4x32(PhiloxWords counter, PhiloxKey key) noexcept {
    for (int round = 0; round < Rounds; ++round) {
        const std::uint64_t product_0 = std::uint64_t{Philox4x32::multiplier_0} * counter.word[0];
        const std::uint64_t product_1 = std::uint64_t{Philox4x32::multiplier_1} * counter.word[2];
        counter = {{static_cast<std::uint32_t>(product_1 >> 32) ^ counter.word[1] ^ key.low,
                    static_cast<std::uint32_t>(product_1),
                    static_cast<std::uint32_t>(product_0 >> 32) ^ counter.word[3] ^ key.high,
                    static_cast<std::uint32_t>(product_0)}};
        key.low += Philox4x32::weyl_low;
        key.high += Philox4x32::weyl_high;
    }
    return counter;
}

ZEROTH_END_NAMESPACE
