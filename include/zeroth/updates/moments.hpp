#pragma once

#include <zeroth/array.hpp>
#include <zeroth/backends/access.hpp>
#include <zeroth/parameters/block.hpp>

#include <cstddef>
#include <span>

ZEROTH_BEGIN_NAMESPACE

/// One number for each weight, kept by an update rule: fp32, or double for blocks of doubles, whatever the weights are stored as.
class Moment {
  public:
    /// Zeros.
    void prepare(std::span<const Block> blocks) {
        begin_ = Array<std::size_t>(blocks.size());
        std::size_t size = 0;
        for (std::size_t b = 0; b < blocks.size(); ++b) {
            begin_[b] = size;
            size += (blocks[b].size() * (blocks[b].type == ScalarType::float64 ? sizeof(double) : sizeof(float)) + 63) / 64 * 64;
        }
        values_ = Array<std::byte>(size);
    }
    void clear() noexcept {
        for (std::byte& byte : values_) {
            byte = std::byte{0};
        }
    }
    /// Of all blocks, in their order, with gaps of zeros.
    [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return {values_.data(), values_.size()}; }
    /// The first number of a block.
    [[nodiscard]] void* of(std::size_t block) noexcept { return values_.data() + begin_[block]; }

  private:
    Array<std::byte> values_;
    Array<std::size_t> begin_;
};

/// A moment's numbers of one block, as an operation reads and writes them.
template <class Lanes, class Storage>
struct MomentView {
    using Compute = ComputeType<Storage>;

    Compute* values;

    MomentView(Moment* moment, std::size_t block) noexcept : values{static_cast<Compute*>(moment->of(block))} {}

    template <class Count>
    ZEROTH_INLINE auto get(std::uint64_t element, Count count) const noexcept {
        return load<Lanes>(static_cast<const Compute*>(values + element), count);
    }
    template <class Real, class Count>
    ZEROTH_INLINE void set(std::uint64_t element, const Real& x, Count count) const noexcept {
        store<Lanes>(values + element, x, count);
    }
};

ZEROTH_END_NAMESPACE
