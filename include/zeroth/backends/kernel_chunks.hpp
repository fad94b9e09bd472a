#pragma once

#include <zeroth/backends/element.hpp>
#include <zeroth/backends/tuning.hpp>

#include <cstddef>
#include <cstdint>

ZEROTH_BEGIN_NAMESPACE

#if defined(__clang__)
// Unrolling is a wish: where a loop was already dissolved, or is the last of a tile, none is missing.
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wpass-failed"
#endif

/// Traversals of more moves than registers hold: the sums of a chunk stay in the first-level cache while the moves go over it four by four.
template <class Lanes, class Storage, Ray R, class Operation>
class KernelChunks {
    using E = Element<Lanes, Storage, R, Operation>;
    using Compute = typename E::Compute;
    using Real = typename E::Real;
    using Bound = typename E::Bound;
    using Draw = typename R::template Draw<Lanes>;
    using Move = PreparedMove<R, Real, Operation::coefficients>;

    static constexpr auto width = static_cast<std::uint64_t>(Lanes::width);
    static constexpr std::uint64_t tile = tile_size<R>;
    static constexpr int registers = R::groups * R::vectors;
    static constexpr bool draws_all = Lanes::width == 16 && requires { requires Draw::draws_all; };
    /// Moves that go over a chunk together: one where a draw gives all its numbers in lock step, and a key's runs share what they have in common.
    static constexpr int at_once = Lanes::width == 1 || draws_all ? 1 : 4;
    /// Moves that are prepared once for all chunks.
    static constexpr std::size_t batch = max_skipping_rays;
    static constexpr bool draws_one = requires(Draw draw) { draw.one(0); };

    /// A stretch; less of it, in whole groups, where the sums would take too much.
    ZEROTH_HOST_DEVICE static constexpr std::uint64_t chunk_size() noexcept {
        constexpr auto group = static_cast<std::uint64_t>(R::vectors * tile_lanes);
        std::uint64_t size = stretch_size<R>;
        while (static_cast<std::uint64_t>(E::sums) * size * sizeof(Compute) > Tuning::chunk_bytes && size > group) {
            size = (size / group + 1) / 2 * group;
        }
        return size;
    }
    static constexpr std::uint64_t chunk = chunk_size();
    using Sums = Compute[E::sums][chunk];

  public:
    static void run(const Block& block, std::size_t index, std::uint64_t begin, std::uint64_t end, const Moves<R>& moves,
                    const Operation& operation) noexcept {
        alignas(64) Sums partial;
        Move prepared[batch];
        Bound bound{operation, block, index};
        auto* const data = static_cast<Storage*>(block.data);
        std::uint64_t last = begin;
        for (std::uint64_t first = begin; first < end; first = last) {
            last = end - first < chunk ? end : first + chunk;
            if constexpr (E::skips) { // a chunk lies in one stretch
                const std::uint64_t next = first / stretch_size<R> * stretch_size<R> + stretch_size<R>;
                last = last < next ? last : next;
            }
            bool is_skipped = false;
            for (std::size_t m = 0; m < moves.size(); m += batch) {
                const std::size_t left = moves.size() - m;
                const int count = static_cast<int>(left < batch ? left : batch);
                if (moves.size() > batch || first == begin) {
                    for (int k = 0; k < count; ++k) {
                        prepared[k] = moves.template prepared<Lanes, Storage, Operation>(m + static_cast<std::size_t>(k), index);
                    }
                }
                is_skipped = moves.size() <= batch && E::is_zero([&](int k) -> const R& { return prepared[k].ray; }, count, first);
                if (is_skipped) {
                    break;
                }
                accumulate_moves(bound, data, prepared, count, m == 0, first, last, partial);
            }
            if (!is_skipped) {
                E::apply_chunk(bound, data, first, last, partial);
            }
        }
        bound.finish();
    }

  private:
    static void accumulate_moves(Bound& bound, const Storage* data, const Move* moves, int count, bool from_nothing, std::uint64_t first,
                                 std::uint64_t last, Sums& partial) noexcept {
        int done = 0;
        if constexpr (at_once > 1) {
            if (from_nothing && count >= at_once) {
                accumulate_chunk<at_once, true>(bound, data, moves, first, last, partial);
                done = at_once;
            }
            for (; (done > 0 || !from_nothing) && done + at_once <= count; done += at_once) {
                accumulate_chunk<at_once, false>(bound, data, moves + done, first, last, partial);
            }
        }
        if (from_nothing && done == 0) {
            accumulate_chunk<1, true>(bound, data, moves, first, last, partial);
            done = 1;
        }
        for (; done < count; ++done) {
            accumulate_chunk<1, false>(bound, data, moves + done, first, last, partial);
        }
    }

    template <int K, bool First>
    static void accumulate_chunk(Bound& bound, const Storage* data, const Move* moves, std::uint64_t first, std::uint64_t last,
                                 Sums& partial) noexcept {
        // As many runs of counters as hide the latency, if a chunk has them.
        constexpr std::uint64_t own_runs = chunk / tile * tile_lanes / width;
        constexpr int own_chains = Tuning::chains_of<Lanes, R>;
        constexpr int most = own_chains / K > 0 ? own_chains / K : 1;
        constexpr int n = own_runs < most ? (own_runs > 0 ? static_cast<int>(own_runs) : 1) : most;
        const std::uint64_t all_counters = (last + tile - 1) / tile * tile_lanes;
        // Not read through the moves, which a store to the sums might change.
        Real coefficient[K][Operation::coefficients];
        ZEROTH_UNROLL
        for (int k = 0; k < K; ++k) {
            ZEROTH_UNROLL
            for (int i = 0; i < Operation::coefficients; ++i) {
                coefficient[k][i] = moves[k].coefficient[i];
            }
        }
        for (std::uint64_t counter = first / tile * tile_lanes; counter < all_counters; counter += n * width) {
            Draw draws[n * K];
            draw<K, n>(moves, counter, all_counters - width, draws);
            if constexpr (draws_all && chunk % (n * tile) == 0) {
                if (counter + n * width <= last / tile * tile_lanes) {
                    ZEROTH_UNROLL
                    for (int run = 0; run < n; ++run) {
                        accumulate_run<First>(bound, data, coefficient[0], draws[run],
                                              element_of<R>(counter + static_cast<std::uint64_t>(run * Lanes::width), 0), first, partial);
                    }
                    continue;
                }
            }
            for (int group = 0; group < R::groups; ++group) {
                if (element_of<R>(counter, group * R::vectors) >= last) {
                    break;
                }
                ZEROTH_UNROLL
                for (int run = 0; run < n; ++run) {
                    accumulate_group<K, First>(bound, data, coefficient, draws + run * K,
                                               counter + static_cast<std::uint64_t>(run * Lanes::width), group, first, last, partial);
                }
            }
        }
    }

    /// A whole run of one key's counters.
    template <bool First>
    ZEROTH_INLINE static void accumulate_run(Bound& bound, const Storage* data, const Real (&coefficient)[Operation::coefficients],
                                             const Draw& draw, std::uint64_t at, std::uint64_t first, Sums& partial) noexcept {
        typename Lanes::Float z[registers];
        draw.all(z);
        ZEROTH_UNROLL
        for (int j = 0; j < registers; ++j) {
            const std::uint64_t place = at - first + static_cast<std::uint64_t>(j * tile_lanes);
            Real sum[E::sums];
            if constexpr (First) {
                Tuning::prefetch(data, first + place);
            } else {
                E::load_sums(sum, partial, place);
            }
            E::template accumulate<First>(bound, sum, z[j], coefficient);
            E::store_sums(sum, partial, place);
        }
    }
    /// Runs beyond the last counter draw that one once more: nobody asks for them.
    template <int K, int N>
    ZEROTH_INLINE static void draw(const Move* moves, std::uint64_t counter, std::uint64_t last, Draw (&draws)[N * K]) noexcept {
        const R* rays[N * K];
        std::uint64_t counters[N * K];
        ZEROTH_UNROLL
        for (int n = 0; n < N; ++n) {
            const std::uint64_t own = counter + static_cast<std::uint64_t>(n * Lanes::width);
            ZEROTH_UNROLL
            for (int k = 0; k < K; ++k) {
                rays[n * K + k] = &moves[k].ray;
                counters[n * K + k] = own < last ? own : last;
            }
        }
        Draw::template draw<N * K>(rays, counters, draws);
    }

    template <int K, bool First>
    ZEROTH_INLINE static void accumulate_group(Bound& bound, const Storage* data, const Real (&coefficient)[K][Operation::coefficients],
                                               Draw* draws, std::uint64_t counter, int group, std::uint64_t first, std::uint64_t last,
                                               Sums& partial) noexcept {
        const std::uint64_t at = element_of<R>(counter, group * R::vectors);
        const bool is_outside = at >= last || (chunk < tile && at < first);
        typename Lanes::Float z[K][R::vectors];
        if (!draws_one || is_outside) {
            ZEROTH_UNROLL
            for (int k = 0; k < K; ++k) {
                draws[k].next(z[k]);
            }
        }
        if (is_outside) {
            return;
        }
        ZEROTH_UNROLL
        for (int j = 0; j < R::vectors; ++j) {
            if constexpr (draws_one) {
                ZEROTH_UNROLL
                for (int k = 0; k < K; ++k) {
                    z[k][j] = draws[k].one(j);
                }
            }
            const std::uint64_t place = at - first + static_cast<std::uint64_t>(j * tile_lanes);
            Real sum[E::sums];
            if constexpr (First) {
                Tuning::prefetch(data, first + place);
            } else {
                E::load_sums(sum, partial, place);
            }
            E::template accumulate<First>(bound, sum, z[0][j], coefficient[0]);
            ZEROTH_UNROLL
            for (int k = 1; k < K; ++k) {
                E::template accumulate<false>(bound, sum, z[k][j], coefficient[k]);
            }
            E::store_sums(sum, partial, place);
        }
    }
};

#if defined(__clang__)
#pragma clang diagnostic pop
#endif

ZEROTH_END_NAMESPACE
