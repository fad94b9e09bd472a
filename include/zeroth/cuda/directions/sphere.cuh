#pragma once

#include <zeroth/backends/reductions.hpp>
#include <zeroth/cuda/directions/device_form.cuh>
#include <zeroth/directions/sphere.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

ZEROTH_BEGIN_NAMESPACE
namespace cuda {

/// Sphere: the address of the key's factor in the block, which form_factors has formed; null for 1.
struct SphereKernel : Sphere {
    struct Ready {
        const double* factor;
    };

    [[nodiscard]] ZEROTH_INLINE static double factor(const Ready& ready) noexcept { return ready.factor != nullptr ? *ready.factor : 1.0; }
};
template <>
class DeviceForm<Sphere> {
  public:
    using Kernel = SphereKernel;

    /// The sums' memory.
    static std::size_t reserve(const Sphere&, std::span<const Block> blocks, std::size_t) noexcept {
        return blocks.size() * sizeof(std::int64_t);
    }
    template <class Moves>
    DeviceForm(const Sphere&, std::span<const Block>, const Moves&) noexcept {}
    [[nodiscard]] std::size_t bytes() const noexcept { return 0; }
    template <class Queue>
    void form(const Queue&, std::byte*) const noexcept {}
    [[nodiscard]] Kernel kernel() const noexcept { return {}; }
    void begin_block(const Block&, std::size_t index) noexcept { index_ = index; }
    template <class MoveType>
    [[nodiscard]] Kernel::Ready ready(const MoveType& move, std::size_t) const noexcept {
        return Kernel::Ready{move.block_scale != nullptr ? move.block_scale + index_ : nullptr};
    }

  private:
    std::size_t index_ = 0;
};

/// A normalised direction's factors of one key in some blocks: first the sums are cleared, then a thread block draws each chunk and adds to
/// its block's, then come the factors.
template <class D>
struct NormTask {
    struct Part {
        std::uint64_t hash;
        std::uint64_t size;
        std::uint64_t first_chunk;
    };
    static constexpr int most = 256;

    PhiloxKey philox;
    int blocks;
    std::int64_t* units;
    double* factors;
    Part of[most];

    struct Clear {
        std::int64_t* units;
        ZEROTH_HOST_DEVICE void operator()(std::uint64_t thread) const noexcept { units[thread] = 0; }
    };
    struct Sum {
        NormTask task;

        ZEROTH_HOST_DEVICE void operator()(std::uint64_t thread) const noexcept {
            using Own = Lanes<4>;
            constexpr std::uint64_t runs = Tuning::chunk / tile_size<D> * (tile_lanes / Own::width);
            const std::uint64_t chunk = thread / Tuning::threads;
            const int b = last_begun(task.blocks, [&](int i) { return task.of[i].first_chunk <= chunk; });
            const std::uint64_t size = task.of[b].size;
            const Stream stream{.key = {}, .block = {task.of[b].hash, size, 1}, .philox = task.philox};
            const std::uint64_t first = (chunk - task.of[b].first_chunk) * (Tuning::chunk / tile_size<D> * tile_lanes);
            std::int64_t sum = 0;
            for (std::uint64_t run = thread % Tuning::threads; run < runs; run += Tuning::threads) {
                const std::uint64_t counter = first + run * Own::width;
                std::uint64_t element = counter / tile_lanes * tile_size<D> + counter % tile_lanes;
                typename D::template Draw<Own> draw[1];
                const Stream* const streams[1] = {&stream};
                const std::uint64_t counters[1] = {counter};
                D::template Draw<Own>::template draw<1>(D{}, streams, counters, draw);
                for (int group = 0; group < D::groups && element < size; ++group) {
                    typename Own::Float z[D::vectors];
                    draw[0].next(z);
                    ZEROTH_UNROLL
                    for (int j = 0; j < D::vectors; ++j) {
                        ZEROTH_UNROLL
                        for (int l = 0; l < Own::width; ++l) {
                            sum += element + static_cast<std::uint64_t>(l) < size ? squared_units(z[j].lane[l]) : 0;
                        }
                        element += tile_lanes;
                    }
                }
            }
            Merge::sum(task.units[b], sum); // the threads of a warp have the same block
        }
    };
    struct Scale {
        NormTask task;
        ZEROTH_HOST_DEVICE void operator()(std::uint64_t thread) const noexcept {
            task.factors[thread] = D::scale(task.units[thread], task.of[thread].size);
        }
    };
};

/// Forms a move's factors in all blocks: what its block_scale is to point to. units and factors have an entry for each block.
template <NormalisedDirection D, class Queue>
void form_factors(const Queue& queue, std::span<const Block> blocks, const D&, const PhiloxKey& philox, std::int64_t* units,
                  double* factors) {
    using Task = NormTask<D>;
    for (std::size_t begin = 0; begin < blocks.size(); begin += Task::most) {
        Task task;
        task.philox = philox;
        task.units = units + begin;
        task.factors = factors + begin;
        task.blocks = 0;
        std::uint64_t chunks = 0;
        for (std::size_t b = begin; b < blocks.size() && task.blocks < Task::most; ++b) {
            task.of[task.blocks++] = {blocks[b].identity.hash, blocks[b].size(), chunks};
            chunks += (blocks[b].size() + Tuning::chunk - 1) / Tuning::chunk;
        }
        const auto count = static_cast<std::uint64_t>(task.blocks);
        queue.run(count, typename Task::Clear{task.units});
        if (chunks != 0) {
            queue.run(chunks * Tuning::threads, typename Task::Sum{task});
        }
        queue.run(count, typename Task::Scale{task});
    }
}

} // namespace cuda
ZEROTH_END_NAMESPACE
