#pragma once

#include <zeroth/cuda/directions/device_form.cuh>
#include <zeroth/directions/low_rank.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

ZEROTH_BEGIN_NAMESPACE
namespace cuda {

/// LowRank: the address of V in the block.
template <int Rank>
struct LowRankKernel {
    static constexpr float largest = LowRank<Rank>::largest;
    static constexpr int groups = LowRank<Rank>::groups;
    static constexpr int vectors = LowRank<Rank>::vectors;
    static constexpr bool is_formed = true;
    template <class Lanes>
    using Draw = typename LowRank<Rank>::template Draw<Lanes, LowRankKernel>;

    struct Ready {
        const float* numbers;
    };

    ZEROTH_INLINE void leave(Stream& stream, const Ready& ready) const noexcept { stream.numbers = ready.numbers; }

    float operator()(const Key&, const BlockIdentity&, std::uint64_t) const;
};

/// Forms V of some blocks for one epoch; a thread for each counter of each V_k.
struct FormColumnFactors {
    struct Factors {
        std::uint64_t hash;
        std::uint64_t columns;
        std::uint64_t first_thread;
        float* numbers;
    };
    static constexpr int most = 256;

    std::uint64_t seed;
    std::uint64_t epoch;
    int rank;
    int blocks;
    Factors of[most];

    [[nodiscard]] ZEROTH_HOST_DEVICE static std::uint64_t tiles(std::uint64_t columns) noexcept {
        return (columns + ColumnFactors::tile - 1) / ColumnFactors::tile;
    }
    [[nodiscard]] std::uint64_t threads_of(std::uint64_t columns) const noexcept {
        return static_cast<std::uint64_t>(rank) * tiles(columns) * tile_lanes;
    }
    ZEROTH_HOST_DEVICE void operator()(std::uint64_t thread) const noexcept {
        const int b = last_begun(blocks, [&](int i) { return of[i].first_thread <= thread; });
        const std::uint64_t own = thread - of[b].first_thread;
        const std::uint64_t along = tiles(of[b].columns) * tile_lanes;
        const std::uint64_t k = own / along;
        const std::uint64_t counter = own % along;
        ColumnFactors::fill(of[b].numbers + k * ColumnFactors::stride(of[b].columns), of[b].columns,
                            ColumnFactors::stream(seed, epoch, {of[b].hash, 1, of[b].columns}), static_cast<int>(k), counter / tile_lanes,
                            counter % tile_lanes);
    }
};

template <int Rank>
class DeviceForm<LowRank<Rank>> {
  public:
    using Kernel = LowRankKernel<Rank>;

    /// V of two epochs; the host keeps none.
    static std::size_t reserve(LowRank<Rank>& direction, std::span<const Block> blocks, std::size_t max_keys) {
        direction.validate();
        return (max_keys < 2 ? max_keys : 2) * numbers_of(blocks) * sizeof(float);
    }
    template <class Moves>
    DeviceForm(const LowRank<Rank>& direction, std::span<const Block> blocks, const Moves& moves)
        : blocks_{blocks}, numbers_{numbers_of(blocks)} {
        for (const auto& move : moves) {
            epochs_.add({move.key.seed, move.key.step / direction.refresh_every});
        }
    }
    [[nodiscard]] std::size_t bytes() const noexcept { return static_cast<std::size_t>(epochs_.count()) * numbers_ * sizeof(float); }
    template <class Queue>
    void form(const Queue& queue, std::byte* memory) {
        memory_ = reinterpret_cast<float*>(memory);
        FormColumnFactors task;
        task.rank = Rank;
        for (int e = 0; e < epochs_.count(); ++e) {
            task.seed = epochs_.name(e).seed;
            task.epoch = epochs_.name(e).epoch;
            float* at = memory_ + static_cast<std::size_t>(e) * numbers_;
            std::uint64_t threads = 0;
            task.blocks = 0;
            for (std::size_t b = 0; b < blocks_.size(); ++b) {
                const BlockIdentity& block = blocks_[b].identity;
                if (is_factored(block)) {
                    task.of[task.blocks++] = {block.hash, block.columns, threads, at};
                    threads += task.threads_of(block.columns);
                    at += numbers_of(block);
                }
                if (threads != 0 && (b + 1 == blocks_.size() || task.blocks == FormColumnFactors::most)) {
                    queue.run(threads, task);
                    threads = 0;
                    task.blocks = 0;
                }
            }
        }
    }
    [[nodiscard]] Kernel kernel() const noexcept { return {}; }
    void begin_block(const Block&, std::size_t index) noexcept {
        if (index < index_) {
            index_ = 0;
            before_ = 0;
        }
        for (; index_ < index; ++index_) {
            before_ += numbers_of(blocks_[index_].identity);
        }
    }
    template <class MoveType>
    [[nodiscard]] typename Kernel::Ready ready(const MoveType&, std::size_t k) const noexcept {
        return {is_factored(blocks_[index_].identity) ? memory_ + epochs_.number_of(k) * numbers_ + before_ : nullptr};
    }

  private:
    struct Epoch {
        std::uint64_t seed;
        std::uint64_t epoch;

        friend constexpr bool operator==(const Epoch&, const Epoch&) = default;
    };

    [[nodiscard]] static bool is_factored(const BlockIdentity& block) noexcept {
        return block.rows > static_cast<std::uint64_t>(Rank) && block.columns > static_cast<std::uint64_t>(Rank);
    }
    [[nodiscard]] static std::size_t numbers_of(const BlockIdentity& block) noexcept {
        return is_factored(block) ? static_cast<std::size_t>(static_cast<std::uint64_t>(Rank) * ColumnFactors::stride(block.columns)) : 0;
    }
    [[nodiscard]] static std::size_t numbers_of(std::span<const Block> blocks) noexcept {
        std::size_t numbers = 0;
        for (const Block& block : blocks) {
            numbers += numbers_of(block.identity);
        }
        return numbers;
    }

    std::span<const Block> blocks_;
    /// Of one epoch.
    std::size_t numbers_;
    DistinctNames<Epoch> epochs_;
    float* memory_ = nullptr;
    /// The block begun, and the numbers of those before it.
    std::size_t index_ = 0;
    std::size_t before_ = 0;
};

} // namespace cuda
ZEROTH_END_NAMESPACE
