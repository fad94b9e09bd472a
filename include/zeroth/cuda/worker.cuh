#pragma once

#include <zeroth/backends/element.hpp>
#include <zeroth/backends/traversal.hpp>
#include <zeroth/cuda/lanes.cuh>
#include <zeroth/cuda/launch.cuh>
#include <zeroth/cuda/tuning.cuh>

#include <cstddef>
#include <cstdint>

ZEROTH_BEGIN_NAMESPACE
namespace cuda {

/// One thread's work in a launch. A unit is a few registers of Lanes::width consecutive counters: of a tile's registers as many as the thread
/// can keep sums of. Threads that follow each other take counters that do, so that they share the memory's sectors.
template <class Storage, class Operation, Ray R>
class Worker {
  public:
    /// shared: the thread block's copy of launch.shared(), if it has one.
    ZEROTH_HOST_DEVICE explicit Worker(const Launch<Operation, R>& launch, const float* shared = nullptr) noexcept
        : launch_{launch}, shared_{shared} {}

    /// Chunks first, first + step, ... of the launch; of their units thread, thread + threads, ...
    ZEROTH_INLINE void run(std::uint64_t first, std::uint64_t step, unsigned thread, unsigned threads) const noexcept {
        const Operation operation = launch_.bound_operation();
        std::uint64_t chunk = first;
        while (chunk < launch_.chunks()) {
            const int b = last_begun(launch_.tensors(), [&](int i) { return launch_.first_chunk(i) <= chunk; });
            const BlockView block = launch_.template block<Storage>(b);
            typename E::Bound bound{operation, block, launch_.index(b)};
            for (; chunk < launch_.first_chunk(b + 1); chunk += step) {
                const std::uint64_t first_tile = (chunk - launch_.first_chunk(b)) * (Tuning::chunk / tile);
                for (unsigned unit = thread; unit < units; unit += threads) {
                    visit(bound, block, b, first_tile, unit);
                }
            }
            if constexpr (has_results<Operation>) {
                bound.finish();
            }
        }
    }

  private:
    static constexpr int width = Tuning::access_bytes / static_cast<int>(sizeof(Storage));
    using Own = Lanes<width>;
    using E = Element<Own, Storage, R, Operation>;
    using Real = typename E::Real;

    static constexpr std::uint64_t tile = tile_size<R>;
    static_assert(Tuning::chunk % tile == 0);

    static constexpr int words_of_register = width * E::sums * static_cast<int>(sizeof(typename E::Compute) / sizeof(std::uint32_t));
    static constexpr int groups_of_unit() noexcept {
        int count = R::groups;
        while (count % 2 == 0 && count * R::vectors * words_of_register > Tuning::registers) {
            count /= 2;
        }
        return count;
    }
    static constexpr int groups = groups_of_unit();
    static constexpr int registers = groups * R::vectors;
    /// Units side by side in a register's sixteen lanes, one after the other in a tile, and in a chunk.
    static constexpr unsigned across = static_cast<unsigned>(tile_lanes / width);
    static constexpr unsigned along = static_cast<unsigned>(R::groups / groups);
    static constexpr unsigned units = static_cast<unsigned>(Tuning::chunk / tile) * along * across;

    ZEROTH_INLINE void visit(typename E::Bound& bound, const BlockView& block, int b, std::uint64_t first_tile, unsigned unit) const noexcept {
        const std::uint64_t size = block.size();
        const std::uint64_t lane = unit % across * static_cast<unsigned>(width);
        const unsigned part = unit / across % along;
        const std::uint64_t at_tile = first_tile + unit / across / along;
        const std::uint64_t element = at_tile * tile + std::uint64_t{part} * (registers * tile_lanes) + lane;
        if (element >= size || is_zero(b, element)) {
            return;
        }
        Real sum[registers][E::sums] = {};
        if constexpr (Operation::sums != 0) {
            if (launch_.keys() > 0) {
                const std::uint64_t counter = at_tile * tile_lanes + lane;
                accumulate<true>(bound, b, 0, counter, part, sum);
                for (int k = 1; k < launch_.keys(); ++k) {
                    accumulate<false>(bound, b, k, counter, part, sum);
                }
            }
        }
        Storage* const data = static_cast<Storage*>(block.data) + element;
        if (element + static_cast<std::uint64_t>((registers - 1) * tile_lanes + width) <= size) {
            // All loads first, so that they are under way together.
            Real w[registers];
            ZEROTH_UNROLL
            for (int r = 0; r < registers; ++r) {
                w[r] = load<Own>(static_cast<const Storage*>(data + r * tile_lanes), AllLanes<Own>{});
            }
            ZEROTH_UNROLL
            for (int r = 0; r < registers; ++r) {
                E::apply(bound, data + r * tile_lanes, w[r], sum[r], element + static_cast<std::uint64_t>(r * tile_lanes), AllLanes<Own>{});
            }
        } else {
            ZEROTH_UNROLL
            for (int r = 0; r < registers; ++r) {
                const std::uint64_t own = element + static_cast<std::uint64_t>(r * tile_lanes);
                if (own < size) {
                    const std::uint64_t left = size - own;
                    const SomeLanes count{left < static_cast<std::uint64_t>(width) ? static_cast<int>(left) : width};
                    E::apply(bound, data + r * tile_lanes, sum[r], own, count);
                }
            }
        }
    }

    ZEROTH_INLINE bool is_zero(int b, std::uint64_t element) const noexcept {
        return launch_.keys() > 0 && launch_.keys() <= static_cast<int>(max_skipping_rays) &&
               E::is_zero([&](int k) -> const R& { return launch_.ray(k, b); }, launch_.keys(), element);
    }

    template <bool First>
    ZEROTH_INLINE void accumulate(typename E::Bound& bound, int b, int k, std::uint64_t counter, unsigned part,
                                  Real (&sum)[registers][E::sums]) const noexcept {
        auto move = prepare_move<Own, Storage, Operation>(launch_.ray(k, b), launch_.coefficients(k), launch_.scale(k, b));
        if constexpr (ReadsNumbers<R>) {
            if (shared_ != nullptr) {
                NumbersOf<R>::address(move.ray) = shared_;
            }
        }
        typename R::template Draw<Own> draw[1];
        draw_from<Own>(move.ray, counter, part * static_cast<unsigned>(groups), draw);
        typename Own::Float z[R::vectors];
        ZEROTH_UNROLL
        for (int group = 0; group < groups; ++group) {
            draw[0].next(z);
            ZEROTH_UNROLL
            for (int j = 0; j < R::vectors; ++j) {
                E::template accumulate<First>(bound, sum[group * R::vectors + j], z[j], move.coefficient);
            }
        }
    }

    const Launch<Operation, R>& launch_;
    const float* shared_;
};

} // namespace cuda
ZEROTH_END_NAMESPACE
