#pragma once

#include <zeroth/random/key.hpp>

#include <cmath>
#include <cstdint>

ZEROTH_BEGIN_NAMESPACE

constexpr std::uint64_t greatest_common_divisor(std::uint64_t a, std::uint64_t b) noexcept {
    while (b != 0) {
        const std::uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/// The least number from `number` on that is coprime with the period: multiples of it visit all places of the period.
constexpr std::uint64_t coprime_from(std::uint64_t number, std::uint64_t period) noexcept {
    while (greatest_common_divisor(number, period) != 1) {
        ++number;
    }
    return number;
}

/// Which table: its numbers' seed and epoch, and by how much its columns are rotated.
struct TableName {
    std::uint64_t seed = 0;
    std::uint64_t epoch = 0;
    std::uint32_t rotation = 0;

    friend constexpr bool operator==(const TableName&, const TableName&) = default;

    /// Of the words that the table's numbers are drawn from.
    [[nodiscard]] PhiloxKey philox() const noexcept { return philox_key({seed, epoch, 0}, Purpose::pool); }
};

/// The shape of a table of whole numbers, and how it is read: ReusePool's and LfsrBank's.
///
/// A key's shifts are its step plus, for each query, a golden section of the table: so all of a step's queries read from places of their
/// own. A block's sequence starts at a row of its own for each table, and moves on by its length in rows, bumped until coprime with the
/// table's rows, at each shift.
struct TableLayout {
    std::uint32_t rows;
    std::uint32_t columns;
    /// Of the numbers' magnitudes.
    std::uint32_t largest;
    /// One sequence for all weights, in place of one for each block.
    bool running_index;
    /// The scale is a power of two.
    bool power_of_two;
    /// Steps after which the table's numbers are drawn anew; 0: never.
    std::uint64_t refresh_every;

    [[nodiscard]] constexpr std::uint64_t size() const noexcept { return std::uint64_t{rows} * columns; }
    /// Rows that a sequence of so many numbers moves on by.
    [[nodiscard]] std::uint64_t shift(std::uint64_t length) const noexcept { return coprime_from((length + columns - 1) / columns, rows); }
    /// A query's share of shifts.
    [[nodiscard]] std::uint64_t stride() const noexcept { return coprime_from(size() * 40503 >> 16, size()); }
    /// How often a key's sequences have moved on, for the stride().
    [[nodiscard]] std::uint64_t shifts(const Key& key, std::uint64_t stride) const noexcept {
        return (key.step % size() + key.query % size() * stride) % size();
    }
    [[nodiscard]] TableName name_of(const Key& key, std::uint64_t shifts) const noexcept {
        const std::uint64_t epoch = refresh_every != 0 ? key.step / refresh_every : 0;
        return {key.seed, epoch, static_cast<std::uint32_t>(shifts % columns)};
    }
    /// The first row of a sequence: its block's salt is the block's hash; with one index over all weights, the first of these blocks'.
    [[nodiscard]] std::uint32_t start(const TableName& name, std::uint64_t salt) const noexcept {
        // Beyond the counters of the table's own numbers.
        const PhiloxWords words = philox4x32(counter_words(std::uint64_t{1} << 32, salt), name.philox());
        return static_cast<std::uint32_t>((std::uint64_t{words.word[1]} << 32 | words.word[0]) % rows);
    }
};

/// The factor that gives `length` numbers, whose squares' sum is `squares`, a Gaussian vector's norm: sqrt((length - 1/2) / squares); 0
/// where all are 0. Rounded to a power of two it is the nearest by ratio, so the norm is off by at most sqrt 2 either way.
/// A number scaled is at most 8 (8 sqrt 2): of more than 64 numbers the factor is at most 8 / largest, which binds where their rms is 1 / 8
/// of the largest (for uniforms it is 1 / sqrt 3), and of fewer none exceeds sqrt(length).
inline float modulus_scale(const TableLayout& layout, std::uint64_t length, double squares) noexcept {
    if (squares == 0) {
        return 0;
    }
    double ratio = (static_cast<double>(length) - 0.5) / squares;
    const double largest = layout.largest;
    const double most = 64 / (largest * largest);
    ratio = length > 64 && ratio > most ? most : ratio;
    if (layout.power_of_two) {
        // From 2^(2k - 1) to under 2^(2k + 1): 2^k.
        int exponent = 0;
        std::frexp(ratio, &exponent);
        return static_cast<float>(std::ldexp(1.0, exponent >> 1));
    }
    return static_cast<float>(std::sqrt(ratio));
}

ZEROTH_END_NAMESPACE
