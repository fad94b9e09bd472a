#pragma once

#include <zeroth/ground/array.hpp>
#include <zeroth/backends/access.hpp>
#include <zeroth/parameters/block.hpp>
#include <zeroth/ground/state_memory.hpp>

#include <cstddef>
#include <span>

ZEROTH_BEGIN_NAMESPACE

/// Where a moment's numbers are, as an operation is told: begin[block] bytes from an address.
struct MomentPlace {
    std::byte* numbers = nullptr;
    const std::size_t* begin = nullptr;
};

/// One number for each weight, kept by an update rule: fp32, or double for blocks of doubles, whatever the weights are stored as.
class Moment {
  public:
    Moment() = default;
    /// Zeros, where the blocks' backend reaches them.
    explicit Moment(std::span<const Block> blocks, const StateAllocator& allocator = {}) : begin_(blocks.size() + 1) {
        std::size_t size = 0;
        for (std::size_t b = 0; b < blocks.size(); ++b) {
            begin_[b] = size;
            size += (blocks[b].size() * (blocks[b].type == ScalarType::float64 ? sizeof(double) : sizeof(float)) + 63) / 64 * 64;
        }
        begin_[blocks.size()] = size;
        values_ = StateMemory{size, allocator};
    }
    void clear() { values_.fill(0); }
    /// Of all blocks, in their order, with gaps of zeros: in the memory that the allocator takes.
    [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return {values_.data(), values_.size()}; }
    /// The first number of a block.
    [[nodiscard]] void* of(std::size_t block) noexcept { return values_.data() + begin_[block]; }
    /// All of it, and where a block's bytes begin in it: with gaps of zeros before the next one's.
    [[nodiscard]] StateMemory& memory() noexcept { return values_; }
    [[nodiscard]] std::size_t begin(std::size_t block) const noexcept { return begin_[block]; }
    /// As long as the moment stays where it is.
    [[nodiscard]] MomentPlace place() const noexcept { return {values_.data(), begin_.data()}; }

  private:
    StateMemory values_;
    Array<std::size_t> begin_;
};

/// A moment's numbers of one block, as an operation reads and writes them.
template <class Lanes, class Storage>
struct MomentView {
    using Compute = ComputeType<Storage>;

    Compute* values;

    ZEROTH_HOST_DEVICE MomentView(const MomentPlace& moment, std::size_t block) noexcept
        : values{reinterpret_cast<Compute*>(moment.numbers + moment.begin[block])} {}

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
