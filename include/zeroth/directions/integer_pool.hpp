#pragma once

#include <zeroth/ground/array.hpp>
#include <zeroth/directions/reuse_pool.hpp>
#include <zeroth/ground/setting.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

ZEROTH_BEGIN_NAMESPACE

/// ReusePool with power-of-two scales for machines without floating point: weights that are whole multiples of one power of two are
/// displaced by shifting and adding.
///
///   w_i <- w_i +- (p[(s + i) mod P] << (scale_exponent + exponent))
///
/// w_i is in units of the weights' quantum, and the coefficient of the direction is +-2^exponent of them: with a quantum of 2^-23 and
/// 14-bit numbers, whose scale is mostly 2^-13, an epsilon of 2^-10 is exponent 13. Other coefficients are sums of such.
/// As long as no weight or displacement reaches 2^24 quanta, the weights are, bit for bit, those that ReusePool gives in float32. Sums wrap
/// around 2^32, so the way back is exact wherever it begins.
/// Blocks: under 2^53 / 4^entry_bits numbers (2^25 of 14 bits). Memory: 12 P bytes.
/// Throws std::invalid_argument as ReusePool does, and if its running_index is set or its power_of_two is not.
/// Source: PeZO, arXiv 2504.20314.
class IntegerPool {
  public:
    explicit IntegerPool(const ReusePool& settings) : settings_{settings} {
        settings_.validate();
        require_setting(settings_.power_of_two, "power_of_two", 0, "true for whole numbers");
        require_setting(!settings_.running_index, "running_index", 1, "false for whole numbers");
        const auto size = static_cast<std::size_t>(settings_.layout().size());
        numbers_ = Array<std::int32_t>(size);
        squares_ = Array<std::uint64_t>(size + 1);
    }

    /// Where a key's numbers begin in a block, and the binary exponent of their scale. The key's pool is formed unless it is there.
    struct Reading {
        std::uint32_t start = 0;
        int scale_exponent = 0;
    };
    /// Throws std::invalid_argument if the block has no number, or too many.
    [[nodiscard]] Reading read(const Key& key, const BlockIdentity& block) {
        require_setting(block.size() > 0 && block.size() < std::uint64_t{1} << (53 - 2 * settings_.entry_bits), "block.size()",
                        static_cast<double>(block.size()), "at least 1 and under 2^53 / 4^entry_bits");
        const TableLayout layout = settings_.layout();
        const std::uint64_t count = layout.shifts(key, layout.stride());
        const TableName name = layout.name_of(key, count);
        form(name);
        const std::uint64_t size = layout.size(), length = block.size();
        const std::uint64_t start =
            (layout.start(name, block.hash) + layout.shift(length) % size * count) % size;
        const std::uint64_t last = start + length % size;
        const std::uint64_t part =
            last <= size ? squares_[last] - squares_[start] : squares_[size] - squares_[start] + squares_[last - size];
        return {static_cast<std::uint32_t>(start), exponent_of(layout, length, length / size * squares_[size] + part)};
    }

    /// Throws std::invalid_argument if weights.size() is not the block's, or a number scaled is less than a quantum, or more than 32 bits.
    void displace(std::span<std::int32_t> weights, const Key& key, const BlockIdentity& block, bool negative, int exponent) {
        require_setting(weights.size() == block.size(), "weights.size()", static_cast<double>(weights.size()), "the block's");
        if (weights.empty()) {
            return;
        }
        const Reading reading = read(key, block);
        const int shift = reading.scale_exponent + exponent;
        require_setting(shift >= 0 && shift < 32 - settings_.entry_bits, "exponent", exponent,
                        "so large that the numbers are multiples of the quantum, and so small that they fit in 32 bits");
        std::size_t at = reading.start;
        for (std::int32_t& weight : weights) {
            // Signed numbers must not overflow, unsigned ones may.
            const std::uint32_t part = static_cast<std::uint32_t>(numbers_[at]) << shift;
            const auto from = static_cast<std::uint32_t>(weight);
            weight = static_cast<std::int32_t>(negative ? from - part : from + part);
            at = at + 1 == numbers_.size() ? 0 : at + 1;
        }
    }

  private:
    void form(const TableName& name) noexcept {
        if (formed_ && name_ == name) {
            return;
        }
        const PhiloxKey philox = name.philox();
        PhiloxWords words{};
        for (std::uint32_t i = 0; i < numbers_.size(); ++i) {
            if (i % 8 == 0) {
                words = philox4x32(counter_words(i / 8, 0), philox);
            }
            numbers_[i] = settings_.entry(words, i);
            const std::int64_t number = numbers_[i];
            squares_[i + 1] = squares_[i] + static_cast<std::uint64_t>(number * number);
        }
        name_ = name;
        formed_ = true;
    }

    /// k with 2^(2k - 1) <= (length - 1/2) / squares < 2^(2k + 1), as modulus_scale has it. The ratio is under 1, no number being 0.
    [[nodiscard]] static int exponent_of(const TableLayout& layout, std::uint64_t length, std::uint64_t squares) noexcept {
        std::uint64_t above = 2 * length - 1, below = 2 * squares;
        const std::uint64_t largest = layout.largest;
        if (length > 64 && above * largest * largest > 64 * below) {
            above = 64;
            below = largest * largest;
        }
        int exponent = 0;
        for (; 2 * above < below; --exponent) {
            above *= 4;
        }
        return exponent;
    }

    ReusePool settings_;
    TableName name_{};
    bool formed_ = false;
    Array<std::int32_t> numbers_;
    Array<std::uint64_t> squares_;
};

ZEROTH_END_NAMESPACE
