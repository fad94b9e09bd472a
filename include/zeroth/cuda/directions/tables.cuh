#pragma once

#include <zeroth/cuda/directions/device_form.cuh>
#include <zeroth/directions/lfsr_bank.hpp>
#include <zeroth/directions/mixed_pool.hpp>
#include <zeroth/directions/reuse_pool.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

ZEROTH_BEGIN_NAMESPACE
namespace cuda {

/// A table's numbers in the memory that the threads of a thread block share. A kernel that wants some there says how many (shared(), 0 for
/// none) and from where (numbers(), which is then set to the copy).
struct SharedNumbers {
    static constexpr std::uint32_t most = Tuning::shared_bytes / sizeof(float);

    /// One thread's part of the copy.
    ZEROTH_INLINE static void copy(float* to, const float* from, std::uint32_t count, unsigned thread, unsigned threads) noexcept {
        for (std::uint32_t i = thread; i < count; i += threads) {
            to[i] = from[i];
        }
    }
};

/// ReusePool and LfsrBank: tables in the device's memory, one after the other. A lone one that is small enough is read from shared memory.
class TableKernel {
  public:
    static constexpr float largest = ReusePool::largest;
    static constexpr int groups = ReusePool::groups;
    static constexpr int vectors = ReusePool::vectors;
    template <class Lanes>
    using Draw = TableDraw<TableKernel, Lanes>;

    struct Layout {
        std::uint64_t numbers;
        [[nodiscard]] ZEROTH_HOST_DEVICE std::uint64_t size() const noexcept { return numbers; }
    };
    struct Ready {
        /// Of the block's first number, all tables being numbered through.
        std::uint32_t place;
        float scale;
    };

    TableKernel() = default;
    TableKernel(const float* numbers, std::uint32_t size, int tables) noexcept
        : numbers_{numbers}, size_{size}, shared_{tables == 1 && stride(size) <= SharedNumbers::most ? stride(size) : 0} {}

    /// From one table to the next: each goes on with a stretch of its first numbers.
    [[nodiscard]] ZEROTH_HOST_DEVICE static constexpr std::uint32_t stride(std::uint32_t size) noexcept {
        return size + static_cast<std::uint32_t>(table_stretch);
    }
    [[nodiscard]] ZEROTH_HOST_DEVICE Layout layout() const noexcept { return {size_}; }
    ZEROTH_INLINE void leave(Stream& stream, const Ready& ready) const noexcept {
        stream.numbers = numbers_ + ready.place / size_ * stride(size_);
        stream.element = ready.place % size_;
        stream.scale = ready.scale;
    }
    [[nodiscard]] ZEROTH_INLINE std::uint32_t shared() const noexcept { return shared_; }
    [[nodiscard]] ZEROTH_INLINE const float*& numbers() noexcept { return numbers_; }

    float operator()(const Key&, const BlockIdentity&, std::uint64_t) const;

  private:
    const float* numbers_ = nullptr;
    std::uint32_t size_ = 1;
    std::uint32_t shared_ = 0;
};

template <class D>
class TableForm {
  public:
    using Kernel = TableKernel;

    static std::size_t reserve(D& direction, std::span<const Block> blocks, std::size_t max_keys) {
        direction.reserve(blocks, max_keys);
        const TableLayout layout = direction.layout();
        const std::size_t different = std::size_t{layout.columns} * (layout.refresh_every == 0 ? 1 : 2);
        return (max_keys < different ? max_keys : different) * table_bytes(layout);
    }
    template <class Moves>
    TableForm(const D& direction, std::span<const Block> blocks, const Moves& moves) : direction_{direction} {
        std::size_t b = 0;
        while (b < blocks.size() && blocks[b].size() == 0) {
            ++b;
        }
        for (std::size_t k = 0; b < blocks.size() && k < moves.size(); ++k) {
            tables_.add(prepared_stream(direction, moves[k], blocks[b].identity, b).numbers);
        }
    }
    [[nodiscard]] std::size_t bytes() const noexcept {
        return static_cast<std::size_t>(tables_.count()) * table_bytes(direction_.layout());
    }
    template <class Queue>
    void form(const Queue& queue, std::byte* memory) {
        const auto size = static_cast<std::uint32_t>(direction_.layout().size());
        auto* const numbers = reinterpret_cast<float*>(memory);
        for (int t = 0; t < tables_.count(); ++t) {
            copy_numbers(queue, numbers + static_cast<std::size_t>(t) * Kernel::stride(size), tables_.name(t), Kernel::stride(size));
        }
        kernel_ = {numbers, size, tables_.count()};
    }
    [[nodiscard]] const Kernel& kernel() const noexcept { return kernel_; }
    void begin_block(const Block& block, std::size_t index) noexcept {
        block_ = block.identity;
        index_ = index;
    }
    template <class MoveType>
    [[nodiscard]] Kernel::Ready ready(const MoveType& move, std::size_t k) const {
        const Stream stream = prepared_stream(direction_, move, block_, index_);
        const std::uint64_t size = direction_.layout().size();
        return {static_cast<std::uint32_t>(tables_.number_of(k) * size + stream.element % size), stream.scale};
    }

  private:
    [[nodiscard]] static std::size_t table_bytes(const TableLayout& layout) noexcept {
        return Kernel::stride(static_cast<std::uint32_t>(layout.size())) * sizeof(float);
    }

    const D& direction_;
    /// By the addresses of the host's tables, which the keys' forming has made.
    DistinctNames<const float*> tables_;
    Kernel kernel_{};
    BlockIdentity block_{};
    std::size_t index_ = 0;
};
template <>
class DeviceForm<ReusePool> : public TableForm<ReusePool> {
    using TableForm::TableForm;
};
template <>
class DeviceForm<LfsrBank> : public TableForm<LfsrBank> {
    using TableForm::TableForm;
};

/// MixedPool: its numbers are read from shared memory.
class MixedPoolKernel {
  public:
    static constexpr float largest = MixedPool::largest;
    static constexpr int groups = MixedPool::groups;
    static constexpr int vectors = MixedPool::vectors;
    template <class Lanes>
    using Draw = MixedPool::Draw<Lanes>;

    static constexpr std::uint32_t size = WhiteNumbers::size + WhiteNumbers::stretch;
    static_assert(size <= SharedNumbers::most);

    explicit MixedPoolKernel(const float* numbers = nullptr) noexcept : numbers_{numbers} {}
    ZEROTH_INLINE void leave(Stream& stream) const noexcept { stream.numbers = numbers_; }
    [[nodiscard]] ZEROTH_INLINE std::uint32_t shared() const noexcept { return numbers_ != nullptr ? size : 0; }
    [[nodiscard]] ZEROTH_INLINE const float*& numbers() noexcept { return numbers_; }

    float operator()(const Key&, const BlockIdentity&, std::uint64_t) const;

  private:
    const float* numbers_;
};
template <>
class DeviceForm<MixedPool> {
  public:
    using Kernel = MixedPoolKernel;

    static std::size_t reserve(const MixedPool& direction, std::span<const Block> blocks, std::size_t max_keys) {
        direction.reserve(blocks, max_keys);
        return Kernel::size * sizeof(float);
    }
    template <class Moves>
    DeviceForm(const MixedPool&, std::span<const Block>, const Moves& moves) noexcept : used_{moves.size() != 0} {}
    [[nodiscard]] std::size_t bytes() const noexcept { return used_ ? Kernel::size * sizeof(float) : 0; }
    template <class Queue>
    void form(const Queue& queue, std::byte* memory) {
        if (used_) {
            kernel_ = Kernel{reinterpret_cast<float*>(memory)};
            copy_numbers(queue, reinterpret_cast<float*>(memory), WhiteNumbers::table().numbers, Kernel::size);
        }
    }
    [[nodiscard]] const Kernel& kernel() const noexcept { return kernel_; }

  private:
    bool used_;
    Kernel kernel_{};
};

} // namespace cuda
ZEROTH_END_NAMESPACE
