#pragma once

#include <zeroth/backends/access.hpp>
#include <zeroth/parameters/block.hpp>

#include <cstddef>
#include <span>
#include <vector>

ZEROTH_BEGIN_NAMESPACE

/// One number for each weight, kept by an update rule: fp32, or double for blocks of doubles, whatever the weights are stored as.
class Moment {
  public:
    /// Zeros.
    void prepare(std::span<const Block> blocks) {
        begin_.clear();
        std::size_t size = 0;
        for (const Block& block : blocks) {
            begin_.push_back(size);
            size += (block.size() * (block.type == ScalarType::float64 ? sizeof(double) : sizeof(float)) + 63) / 64 * 64;
        }
        values_.assign(size, std::byte{0});
    }
    /// Of all blocks, in their order, with gaps of zeros.
    [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return values_; }
    /// The first number of a block.
    [[nodiscard]] void* of(std::size_t block) noexcept { return values_.data() + begin_[block]; }

  private:
    std::vector<std::byte> values_;
    std::vector<std::size_t> begin_;
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
