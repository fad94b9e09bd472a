#pragma once

#include <zeroth/backends/access.hpp>
#include <zeroth/backends/direction_layout.hpp>
#include <zeroth/backends/operation.hpp>
#include <zeroth/directions/direction.hpp>
#include <zeroth/parameters/block.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

ZEROTH_BEGIN_NAMESPACE

/// Constants found by measurement.
struct Tuning {
    /// Runs of counters drawn in lock step where a draw yields few numbers: four hide the multiplications' latency, eight spill.
    static constexpr int chains = 4;
    /// How far ahead of the element in work its cache line is asked for.
    static constexpr std::size_t prefetch_bytes = 4096;
};

#if defined(__clang__)
// Unrolling is a wish: where a loop was already dissolved, or is the last of a tile, none is missing.
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wpass-failed"
#endif

/// The inner loops of a traversal over elements [begin, end) of one block, begin a multiple of the direction's tile.
template <class Lanes, class Storage, class D, class Operation>
class Kernel {
    using Compute = ComputeType<Storage>;
    using Real = typename Lanes::template Real<Compute>;
    using Layout = DirectionLayout<D, Lanes>;
    using Draw = typename Layout::Draw;
    using MoveType = Move<Operation::coefficients>;

    static constexpr int sums = Operation::sums;
    static constexpr std::uint64_t tile = tile_size<D>;
    /// One element at a time, what is spread out for registers would cost the compiler more than it gains.
    static constexpr bool is_scalar = Lanes::width == 1;
    static constexpr int chains = !is_scalar && Layout::groups * Layout::vectors <= 16 ? Tuning::chains : 1;
    /// Runs of counters in a tile.
    static constexpr int runs = tile_lanes / Lanes::width;
    static constexpr bool skips = SparseDirection<D> && skips_zeros<Operation>;

  public:
    /// Small blocks that run_together takes; fewer than two where it is of no use.
    static constexpr int together = sums == 0 ? 0 : chains / runs;

    Kernel(const Block& block, std::size_t block_index, const D& direction, const Operation& operation) noexcept
        : block_{block}, block_index_{block_index}, direction_{direction}, bound_{operation, block, block_index},
          data_{static_cast<Storage*>(block.data)} {}

    void run(std::uint64_t begin, std::uint64_t end, std::span<const Move<Operation::coefficients>> moves) noexcept {
        if constexpr (sums == 0) { // whatever the directions are
            run_without_moves(begin, end);
        } else {
            switch (moves.size()) {
            case 0: run_without_moves(begin, end); break;
            case 1: run_in_registers<1>(begin, end, moves); break;
            case 2:
                if constexpr (!is_scalar) {
                    run_in_registers<2>(begin, end, moves);
                    break;
                }
                [[fallthrough]];
            case 8:
                if constexpr (!is_scalar && draws_signs<D> && sums == 1) {
                    run_in_registers<8>(begin, end, moves);
                    break;
                }
                [[fallthrough]];
            default: run_in_chunks(begin, end, moves); break;
            }
        }
        bound_.finish();
    }

    /// One move over the first `together` of the blocks given, of at most a tile each. Their numbers are drawn in lock step, which hides the
    /// latency that a small block alone would wait for. Not inlined, as visit_range is not.
    [[gnu::noinline]] static void run_together(const Block* blocks, std::size_t first_index, const D& direction, const Operation& operation,
                                               const MoveType& move) noexcept {
        [&]<std::size_t... n>(std::index_sequence<n...>) {
            Kernel kernels[together] = {Kernel{blocks[n], first_index + n, direction, operation}...};
            run_tiles(kernels, move);
        }(std::make_index_sequence<together>{});
    }

  private:
    /// A move as this block sees it.
    struct BoundMove {
        Stream stream;
        Real coefficient[Operation::coefficients];
    };

    void bind(const MoveType* moves, int count, BoundMove* bound) const noexcept {
        for (int k = 0; k < count; ++k) {
            Stream stream{.key = moves[k].key, .block = block_.identity, .philox = moves[k].philox};
            if constexpr (PreparedDirection<D>) {
                direction_.prepare(stream, block_index_);
            }
            bound[k].stream = stream;
            const double scale = moves[k].block_scale != nullptr ? moves[k].block_scale[block_index_] : 1.0;
            for (int i = 0; i < Operation::coefficients; ++i) {
                bound[k].coefficient[i] = Lanes::template broadcast_real<Compute>(
                    i < scaled_coefficients<Operation> ? moves[k].coefficient[i] * scale : moves[k].coefficient[i]);
            }
        }
    }

    /// What is bound is in memory from here on, for GCC 12's sake: see visit_range. Held by tests/backends/stretches.cpp at -O3.
    ZEROTH_INLINE static void hold([[maybe_unused]] const BoundMove* moves) noexcept {
#if defined(__GNUC__) && !defined(__CUDA_ARCH__)
        asm volatile("" : : "r"(moves) : "memory");
#endif
    }

    template <class Count>
    ZEROTH_INLINE void apply(const Real (&sum)[sums == 0 ? 1 : sums], std::uint64_t element, Count count) noexcept {
        Storage* const at = data_ + element;
        const Real w = bound_.apply(load<Lanes>(at, count), sum, element, count);
        if constexpr (Operation::writes) {
            if constexpr (requires { bound_.store; }) {
                bound_.store(at, w, element, count);
            } else {
                store<Lanes>(at, w, count);
            }
        }
    }

    void run_without_moves(std::uint64_t begin, std::uint64_t end) noexcept {
        constexpr auto width = static_cast<std::uint64_t>(Lanes::width);
        const Real sum[sums == 0 ? 1 : sums] = {};
        std::uint64_t element = begin;
        for (; element + width <= end; element += width) {
            apply(sum, element, AllLanes<Lanes>{});
        }
        if (element < end) {
            apply(sum, element, SomeLanes{static_cast<int>(end - element)});
        }
    }

    ZEROTH_INLINE static SomeLanes lanes_before(std::uint64_t end, std::uint64_t element) noexcept {
        const std::uint64_t left = end - element;
        return SomeLanes{left < static_cast<std::uint64_t>(Lanes::width) ? static_cast<int>(left) : Lanes::width}; // named: for nvcc 13.0
    }

    /// First element of a run of counters' register j.
    ZEROTH_INLINE static std::uint64_t element_of(std::uint64_t counter, int j) noexcept {
        return counter / tile_lanes * tile + static_cast<std::uint64_t>(j * tile_lanes) + counter % tile_lanes;
    }

    template <int K>
    void run_in_registers(std::uint64_t begin, std::uint64_t end, std::span<const MoveType> all) noexcept {
        BoundMove moves[K];
        bind(all.data(), K, moves);
        constexpr int n = chains / K > 0 ? chains / K : 1;
        constexpr auto width = static_cast<std::uint64_t>(Lanes::width);
        std::uint64_t counter = begin / tile * tile_lanes;
        // Whole tiles first, then with every register checked against the end.
        const std::uint64_t whole = end / tile * tile_lanes;
        while (counter + n * width <= whole) {
            if constexpr (skips) {
                const std::uint64_t next = next_stretch(counter);
                if (is_zero(moves, K, counter / tile_lanes * tile)) {
                    counter = next;
                    continue;
                }
                if (counter + n * width > next) { // begun amid a stretch
                    pass<K, 1, true>(moves, counter, end);
                    counter += width;
                    continue;
                }
            }
            pass<K, n, false>(moves, counter, end);
            counter += n * width;
        }
        const std::uint64_t all_counters = (end + tile - 1) / tile * tile_lanes;
        for (; counter < all_counters; counter += width) {
            if (!is_zero(moves, K, counter / tile_lanes * tile)) {
                pass<K, 1, true>(moves, counter, end);
            }
        }
    }

    /// The first counter after a counter's stretch.
    ZEROTH_INLINE static std::uint64_t next_stretch(std::uint64_t counter) noexcept {
        constexpr std::uint64_t counters = stretch_size<D> / tile * tile_lanes;
        return counter / counters * counters + counters;
    }
    /// Whether all z of an element's stretch are 0 for each of the moves: then it is left alone, by every backend.
    ZEROTH_INLINE static bool is_zero([[maybe_unused]] const BoundMove* moves, [[maybe_unused]] int count,
                                      [[maybe_unused]] std::uint64_t element) noexcept {
        bool zero = skips;
        if constexpr (skips) {
            for (int k = 0; zero && k < count; ++k) {
                zero = D::is_zero(moves[k].stream, element / stretch_size<D> * stretch_size<D>, stretch_size<D>);
            }
        }
        return zero;
    }

    template <int K, int N, bool Checked>
    ZEROTH_INLINE void pass(const BoundMove* moves, std::uint64_t counter, std::uint64_t end) noexcept {
        Draw draws[N * K];
        draw<K, N>(moves, counter, draws);
        if constexpr (!Checked && !is_scalar && Layout::groups <= 8) {
            ZEROTH_UNROLL
            for (int group = 0; group < Layout::groups; ++group) {
                apply_group<K, N, Checked>(moves, draws, counter, group, end);
            }
        } else {
            for (int group = 0; group < Layout::groups; ++group) {
                if (Checked && element_of(counter, group * Layout::vectors) >= end) {
                    break;
                }
                apply_group<K, N, Checked>(moves, draws, counter, group, end);
            }
        }
    }

    /// Runs beyond the last counter draw that one once more: nobody asks for them.
    template <int K, int N>
    ZEROTH_INLINE void draw(const BoundMove* moves, std::uint64_t counter, Draw (&draws)[N * K],
                            std::uint64_t last = ~std::uint64_t{0}) noexcept {
        const Stream* streams[N * K];
        std::uint64_t counters[N * K];
        ZEROTH_UNROLL
        for (int n = 0; n < N; ++n) {
            const std::uint64_t own = counter + static_cast<std::uint64_t>(n * Lanes::width);
            ZEROTH_UNROLL
            for (int k = 0; k < K; ++k) {
                streams[n * K + k] = &moves[k].stream;
                counters[n * K + k] = own < last ? own : last;
            }
        }
        Draw::template draw<N * K>(direction_, streams, counters, draws);
    }

    template <int K, int N, bool Checked>
    ZEROTH_INLINE void apply_group(const BoundMove* moves, Draw* draws, std::uint64_t counter, int group,
                                   std::uint64_t end) noexcept {
        ZEROTH_UNROLL
        for (int n = 0; n < N; ++n) {
            typename Lanes::Float z[K][Layout::vectors];
            ZEROTH_UNROLL
            for (int k = 0; k < K; ++k) {
                draws[n * K + k].next(z[k]);
            }
            ZEROTH_UNROLL
            for (int j = 0; j < Layout::vectors; ++j) {
                const std::uint64_t element =
                    element_of(counter + static_cast<std::uint64_t>(n * Lanes::width), group * Layout::vectors + j);
                if (Checked && element >= end) {
                    break;
                }
                Real sum[sums == 0 ? 1 : sums];
                accumulate<true>(sum, z[0][j], moves[0]);
                ZEROTH_UNROLL
                for (int k = 1; k < K; ++k) {
                    accumulate<false>(sum, z[k][j], moves[k]);
                }
                if constexpr (Checked) {
                    apply(sum, element, lanes_before(end, element));
                } else {
                    prefetch(element);
                    apply(sum, element, AllLanes<Lanes>{});
                }
            }
        }
    }

    static void run_tiles(Kernel* kernels, const MoveType& move) noexcept {
        BoundMove moves[together];
        const Stream* streams[chains];
        std::uint64_t counters[chains];
        for (int n = 0; n < together; ++n) {
            kernels[n].bind(&move, 1, moves + n);
            for (int run = 0; run < runs; ++run) {
                streams[n * runs + run] = &moves[n].stream;
                counters[n * runs + run] = static_cast<std::uint64_t>(run * Lanes::width);
            }
        }
        Draw draws[chains];
        Draw::template draw<chains>(kernels[0].direction_, streams, counters, draws);
        for (int n = 0; n < together; ++n) {
            if (!is_zero(moves + n, 1, 0)) {
                kernels[n].apply_tile(moves[n], draws + n * runs);
            }
            kernels[n].bound_.finish();
        }
    }

    ZEROTH_INLINE void apply_tile(const BoundMove& move, Draw* draws) noexcept {
        const std::uint64_t size = block_.size();
        for (int run = 0; run < runs; ++run) {
            const auto counter = static_cast<std::uint64_t>(run * Lanes::width);
            for (int group = 0; group < Layout::groups && element_of(counter, group * Layout::vectors) < size; ++group) {
                apply_group<1, 1, true>(&move, draws + run, counter, group, size);
            }
        }
    }

    ZEROTH_INLINE void prefetch(std::uint64_t element) const noexcept {
#if !defined(__CUDA_ARCH__) && defined(__GNUC__)
        // Once a cache line of floats.
        if (element % tile_lanes == 0) {
            __builtin_prefetch(reinterpret_cast<const char*>(data_ + element) + Tuning::prefetch_bytes, 1);
        }
#endif
    }

    /// A stretch; less of it, in whole groups, where the sums would take more than 48 KiB.
    ZEROTH_HOST_DEVICE static constexpr std::uint64_t chunk_size() noexcept {
        constexpr auto group = static_cast<std::uint64_t>(Layout::vectors * tile_lanes);
        std::uint64_t size = stretch_size<D>;
        while (static_cast<std::uint64_t>(sums) * size * sizeof(Compute) > 48 * 1024 && size > group) {
            size = (size / group + 1) / 2 * group;
        }
        return size;
    }

    template <bool First>
    ZEROTH_INLINE void accumulate(Real (&sum)[sums == 0 ? 1 : sums], const typename Lanes::Float& z, const BoundMove& move) noexcept {
        const Real wide = Lanes::template widen<Compute>(z);
        if constexpr (draws_signs<D> && requires { bound_.template accumulate_sign<First>(sum, wide, move.coefficient); }) {
            bound_.template accumulate_sign<First>(sum, wide, move.coefficient);
        } else {
            bound_.template accumulate<First>(sum, wide, move.coefficient);
        }
    }

    /// More than two moves: the sums of a chunk stay in the first-level cache while the moves go over it four by four.
    static constexpr int at_once = is_scalar ? 1 : 4;
    /// Moves that are bound once for all chunks.
    static constexpr std::size_t batch = max_skipping_moves;

    void run_in_chunks(std::uint64_t begin, std::uint64_t end, std::span<const MoveType> moves) noexcept {
        constexpr std::uint64_t chunk = chunk_size();
        alignas(64) Compute partial[sums == 0 ? 1 : sums][chunk];
        BoundMove bound[batch];
        std::uint64_t last = begin;
        for (std::uint64_t first = begin; first < end; first = last) {
            last = end - first < chunk ? end : first + chunk;
            if constexpr (skips) { // a chunk lies in one stretch
                const std::uint64_t next = first / stretch_size<D> * stretch_size<D> + stretch_size<D>;
                last = last < next ? last : next;
            }
            bool is_skipped = false;
            for (std::size_t m = 0; m < moves.size(); m += batch) {
                const std::size_t left = moves.size() - m;
                const int count = static_cast<int>(left < batch ? left : batch);
                if (moves.size() > batch || first == begin) {
                    bind(moves.data() + m, count, bound);
                    hold(bound);
                }
                is_skipped = moves.size() <= batch && is_zero(bound, count, first);
                if (is_skipped) {
                    break;
                }
                accumulate_moves(bound, count, m == 0, first, last, partial);
            }
            if (!is_skipped) {
                apply_chunk(first, last, partial);
            }
        }
    }

    template <std::size_t Chunk>
    void accumulate_moves(const BoundMove* moves, int count, bool from_nothing, std::uint64_t first, std::uint64_t last,
                          Compute (&partial)[sums == 0 ? 1 : sums][Chunk]) noexcept {
        int done = 0;
        if constexpr (at_once > 1) {
            if (from_nothing && count >= at_once) {
                accumulate_chunk<at_once, true>(moves, first, last, partial);
                done = at_once;
            }
            for (; (done > 0 || !from_nothing) && done + at_once <= count; done += at_once) {
                accumulate_chunk<at_once, false>(moves + done, first, last, partial);
            }
        }
        if (from_nothing && done == 0) {
            accumulate_chunk<1, true>(moves, first, last, partial);
            done = 1;
        }
        for (; done < count; ++done) {
            accumulate_chunk<1, false>(moves + done, first, last, partial);
        }
    }

    template <int K, bool First, std::size_t Chunk>
    void accumulate_chunk(const BoundMove* moves, std::uint64_t first, std::uint64_t last,
                          Compute (&partial)[sums == 0 ? 1 : sums][Chunk]) noexcept {
        // As many runs of counters as hide the latency, if a chunk has them.
        constexpr std::uint64_t own_runs = chunk_size() / tile * tile_lanes / static_cast<std::uint64_t>(Lanes::width);
        constexpr int most = chains / K > 0 ? chains / K : 1;
        constexpr int n = own_runs < most ? (own_runs > 0 ? static_cast<int>(own_runs) : 1) : most;
        constexpr auto width = static_cast<std::uint64_t>(Lanes::width);
        const std::uint64_t all_counters = (last + tile - 1) / tile * tile_lanes;
        for (std::uint64_t counter = first / tile * tile_lanes; counter < all_counters; counter += n * width) {
            Draw draws[n * K];
            draw<K, n>(moves, counter, draws, all_counters - width);
            for (int group = 0; group < Layout::groups; ++group) {
                if (element_of(counter, group * Layout::vectors) >= last) {
                    break;
                }
                ZEROTH_UNROLL
                for (int run = 0; run < n; ++run) {
                    accumulate_group<K, First>(moves, draws + run * K, counter + static_cast<std::uint64_t>(run * Lanes::width), group,
                                               first, last, partial);
                }
            }
        }
    }

    template <int K, bool First, std::size_t Chunk>
    ZEROTH_INLINE void accumulate_group(const BoundMove* moves, Draw* draws, std::uint64_t counter, int group, std::uint64_t first,
                                        std::uint64_t last, Compute (&partial)[sums == 0 ? 1 : sums][Chunk]) noexcept {
        typename Lanes::Float z[K][Layout::vectors];
        ZEROTH_UNROLL
        for (int k = 0; k < K; ++k) {
            draws[k].next(z[k]);
        }
        const std::uint64_t at = element_of(counter, group * Layout::vectors);
        if (at >= last || (chunk_size() < tile && at < first)) {
            return;
        }
        ZEROTH_UNROLL
        for (int j = 0; j < Layout::vectors; ++j) {
            const std::uint64_t place = at - first + static_cast<std::uint64_t>(j * tile_lanes);
            Real sum[sums == 0 ? 1 : sums];
            if constexpr (!First) {
                ZEROTH_UNROLL
                for (int s = 0; s < sums; ++s) {
                    sum[s] = Access<Lanes, Compute>::load(partial[s] + place);
                }
            } else {
                prefetch(first + place);
            }
            accumulate<First>(sum, z[0][j], moves[0]);
            ZEROTH_UNROLL
            for (int k = 1; k < K; ++k) {
                accumulate<false>(sum, z[k][j], moves[k]);
            }
            ZEROTH_UNROLL
            for (int s = 0; s < sums; ++s) {
                Access<Lanes, Compute>::store(partial[s] + place, sum[s]);
            }
        }
    }

    template <std::size_t Chunk>
    void apply_chunk(std::uint64_t first, std::uint64_t last,
                     const Compute (&partial)[sums == 0 ? 1 : sums][Chunk]) noexcept {
        constexpr auto width = static_cast<std::uint64_t>(Lanes::width);
        for (std::uint64_t element = first; element < last; element += width) {
            Real sum[sums == 0 ? 1 : sums];
            ZEROTH_UNROLL
            for (int s = 0; s < sums; ++s) {
                sum[s] = Access<Lanes, Compute>::load(partial[s] + (element - first));
            }
            if (element + width <= last) {
                apply(sum, element, AllLanes<Lanes>{});
            } else {
                apply(sum, element, SomeLanes{static_cast<int>(last - element)});
            }
        }
    }

    const Block& block_;
    std::size_t block_index_;
    const D& direction_;
    typename Operation::template Bound<Lanes, Storage> bound_;
    Storage* data_;
};

#if defined(__clang__)
#pragma clang diagnostic pop
#endif

ZEROTH_END_NAMESPACE
