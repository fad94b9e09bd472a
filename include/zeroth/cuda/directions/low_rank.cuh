#pragma once

#include <zeroth/cuda/formed_anew.cuh>
#include <zeroth/cuda/launch.cuh>
#include <zeroth/directions/low_rank.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

ZEROTH_BEGIN_NAMESPACE
namespace cuda {

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
                            ColumnFactors::bits(seed, epoch, of[b].hash), static_cast<int>(k), counter / tile_lanes, counter % tile_lanes);
    }
};

/// Rays of LowRank on a device: V of a traversal's epochs, formed there for each traversal. The host keeps none.
template <int Rank>
class DeviceLowRankRays : public PhiloxRays<LowRank<Rank>> {
  public:
    template <class B>
    DeviceLowRankRays(const LowRank<Rank>& direction, std::span<const Block> blocks, std::size_t max_keys, const B& backend)
        : PhiloxRays<LowRank<Rank>>{direction, blocks, max_keys, backend}, places_(blocks.size()),
          epochs_{state_allocator_of(backend), place(blocks), max_keys, max_keys < 2 ? max_keys : 2} {}

    template <class B>
    void prepare(std::span<const Key> keys, std::span<const Block> blocks, const B& backend) {
        PhiloxRays<LowRank<Rank>>::prepare(keys, blocks, backend);
        epochs_.prepare(keys.size(), [&](std::size_t k) { return Epoch{keys[k].seed, keys[k].step / this->direction_.refresh_every}; });
        FormColumnFactors task;
        task.rank = Rank;
        for (std::size_t e = 0; e < epochs_.size(); ++e) {
            task.seed = epochs_.name(e).seed;
            task.epoch = epochs_.name(e).epoch;
            form(task, epochs_.value(e), backend);
        }
    }
    [[nodiscard]] LowRankRay<Rank> ray(std::size_t k, std::size_t b) const noexcept {
        const Place& place = places_[b];
        if (!ColumnFactors::is_factored(place.block, Rank)) {
            return {this->bits(k, b), nullptr, 0};
        }
        return {this->bits(k, b), epochs_.of(k) + place.begin, place.block.columns};
    }
    [[nodiscard]] std::size_t bytes() const noexcept { return epochs_.bytes(); }

  private:
    struct Place {
        BlockIdentity block;
        std::size_t begin = 0;
    };
    struct Epoch {
        std::uint64_t seed = 0;
        std::uint64_t epoch = 0;

        friend constexpr bool operator==(const Epoch&, const Epoch&) = default;
    };

    /// Floats of an epoch.
    std::size_t place(std::span<const Block> blocks) noexcept {
        std::size_t size = 0;
        for (std::size_t b = 0; b < blocks.size(); ++b) {
            places_[b] = {blocks[b].identity, size};
            size += ColumnFactors::numbers_of(blocks[b].identity, Rank);
        }
        return size;
    }
    template <class B>
    void form(FormColumnFactors& task, float* numbers, const B& backend) const {
        std::uint64_t threads = 0;
        task.blocks = 0;
        for (std::size_t b = 0; b < places_.size(); ++b) {
            const Place& place = places_[b];
            if (ColumnFactors::is_factored(place.block, Rank)) {
                task.of[task.blocks++] = {place.block.hash, place.block.columns, threads, numbers + place.begin};
                threads += task.threads_of(place.block.columns);
            }
            if (threads != 0 && (b + 1 == places_.size() || task.blocks == FormColumnFactors::most)) {
                backend.run(threads, task);
                threads = 0;
                task.blocks = 0;
            }
        }
    }

    Array<Place> places_;
    FormedAnew<Epoch> epochs_;
};

} // namespace cuda
ZEROTH_END_NAMESPACE
