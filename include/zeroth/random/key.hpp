#pragma once

#include <zeroth/random/philox.hpp>

#include <cstdint>

ZEROTH_BEGIN_NAMESPACE

/// Names one direction of a run: nothing else is needed to form it again.
struct Key {
    std::uint64_t seed = 0;
    std::uint64_t step = 0;
    std::uint32_t query = 0;

    friend constexpr bool operator==(const Key&, const Key&) = default;
};

/// What a direction may know of a block of weights: a stable 64-bit hash (of its name unless the user gives another)
/// and its shape.
struct BlockIdentity {
    std::uint64_t hash = 0;
    std::uint64_t rows = 1;
    std::uint64_t columns = 1;

    [[nodiscard]] ZEROTH_HOST_DEVICE constexpr std::uint64_t size() const noexcept { return rows * columns; }
    friend constexpr bool operator==(const BlockIdentity&, const BlockIdentity&) = default;
};

/// What a key's random bits are used for; uses never share bits.
enum class Purpose : std::uint32_t { direction = 0, rounding = 1, schedule = 2, mask = 3, kernel = 4, pool = 5, factor = 6, projection = 7 };

/// The Philox key of one use of a Key. Every element's counter holds its position and its block, so the whole state
/// of a direction is these 64 bits.
ZEROTH_HOST_DEVICE constexpr PhiloxKey philox_key(const Key& key, Purpose purpose) noexcept {
    const PhiloxWords words =
        philox4x32({{static_cast<std::uint32_t>(key.step), static_cast<std::uint32_t>(key.step >> 32), key.query,
                     static_cast<std::uint32_t>(purpose)}},
                   {static_cast<std::uint32_t>(key.seed), static_cast<std::uint32_t>(key.seed >> 32)});
    return {words.word[0], words.word[1]};
}

/// The random bits of one key in one block: a Philox key, and the block's hash, which is words 2 and 3 of the counters. Words 0 and 1 count.
struct PhiloxBits {
    PhiloxKey key;
    std::uint64_t hash = 0;
};

ZEROTH_HOST_DEVICE constexpr PhiloxWords counter_words(std::uint64_t counter, std::uint64_t block_hash) noexcept {
    return {{static_cast<std::uint32_t>(counter), static_cast<std::uint32_t>(counter >> 32),
             static_cast<std::uint32_t>(block_hash), static_cast<std::uint32_t>(block_hash >> 32)}};
}

ZEROTH_END_NAMESPACE
