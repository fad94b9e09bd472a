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

/// Traversals whose moves are so few that everything is kept in registers from the draw to the store.
///
/// What the operation is bound to and the coefficients are locals that nothing else points to: any store to the weights might change what
/// lies in memory, and the compiler would load it again after each.
template <class Lanes, class Storage, Ray R, class Operation>
class KernelRegisters {
    using E = Element<Lanes, Storage, R, Operation>;
    using Real = typename E::Real;
    using Bound = typename E::Bound;
    using Draw = typename R::template Draw<Lanes>;

    static constexpr auto width = static_cast<std::uint64_t>(Lanes::width);
    static constexpr int registers = R::groups * R::vectors;
    /// A draw that gives all its numbers in lock step is asked for them where the registers hold them.
    static constexpr bool draws_all = Lanes::width == 16 && requires { requires Draw::draws_all; };
    /// One that gives them one by one keeps fewer alive.
    static constexpr bool draws_one = requires(Draw draw) { draw.one(0); };

  public:
    /// The operation alone: no ray is drawn.
    static void run_alone(const Block& block, std::size_t index, std::uint64_t begin, std::uint64_t end, const Operation& operation) noexcept {
        Bound bound{operation, block, index};
        auto* const data = static_cast<Storage*>(block.data);
        const Real sum[E::sums] = {};
        std::uint64_t element = begin;
        for (; element + width <= end; element += width) {
            E::apply(bound, data + element, sum, element, AllLanes<Lanes>{});
        }
        if (element < end) {
            E::apply(bound, data + element, sum, element, SomeLanes{static_cast<int>(end - element)});
        }
        bound.finish();
    }

    /// K moves.
    template <int K>
    static void run(const Block& block, std::size_t index, std::uint64_t begin, std::uint64_t end, const Moves<R>& moves,
                    const Operation& operation) noexcept {
        R rays[K];
        Factors factors[K];
        for (std::size_t k = 0; k < K; ++k) {
            const auto move = moves.template prepared<Lanes, Storage, Operation>(k, index);
            rays[k] = move.ray;
            factors[k].take(move.coefficient);
        }
        Bound bound{operation, block, index};
        auto* const data = static_cast<Storage*>(block.data);
        constexpr int own_chains = Tuning::chains_of<Lanes, R>;
        constexpr int n = draws_all ? own_chains : own_chains / K > 0 ? own_chains / K : 1;
        std::uint64_t counter = begin / tile_size<R> * tile_lanes;
        // Whole tiles first, then with every register checked against the end.
        const std::uint64_t whole = end / tile_size<R> * tile_lanes;
        while (counter + n * width <= whole) {
            if constexpr (E::skips) {
                const std::uint64_t next = next_stretch(counter);
                if (is_zero<K>(rays, counter)) {
                    counter = next;
                    continue;
                }
                if (counter + n * width > next) { // begun amid a stretch
                    pass<K, 1, true>(bound, data, rays, factors, counter, end);
                    counter += width;
                    continue;
                }
            }
            pass<K, n, false>(bound, data, rays, factors, counter, end);
            counter += n * width;
        }
        const std::uint64_t all_counters = (end + tile_size<R> - 1) / tile_size<R> * tile_lanes;
        for (; counter < all_counters; counter += width) {
            if (!is_zero<K>(rays, counter)) {
                pass<K, 1, true>(bound, data, rays, factors, counter, end);
            }
        }
        bound.finish();
    }

    /// A run of one ray's counters, every register of which is checked against the end.
    ZEROTH_INLINE static void apply_run(Bound& bound, Storage* data, const typename E::Coefficients& coefficient, Draw& draw,
                                        std::uint64_t counter, std::uint64_t end) noexcept {
        Factors factors[1];
        factors[0].take(coefficient);
        for (int group = 0; group < R::groups && element_of<R>(counter, group * R::vectors) < end; ++group) {
            apply_group<1, 1, true>(bound, data, factors, &draw, counter, group, end);
        }
    }

  private:
    /// A move's coefficients.
    struct Factors {
        typename E::Coefficients coefficient;

        ZEROTH_INLINE void take(const typename E::Coefficients& from) noexcept {
            ZEROTH_UNROLL
            for (int i = 0; i < Operation::coefficients; ++i) {
                coefficient[i] = from[i];
            }
        }
    };

    /// The first counter after a counter's stretch.
    ZEROTH_INLINE static std::uint64_t next_stretch(std::uint64_t counter) noexcept {
        constexpr std::uint64_t counters = stretch_size<R> / tile_size<R> * tile_lanes;
        return counter / counters * counters + counters;
    }
    template <int K>
    ZEROTH_INLINE static bool is_zero(const R* rays, std::uint64_t counter) noexcept {
        return E::is_zero([&](int k) -> const R& { return rays[k]; }, K, counter / tile_lanes * tile_size<R>);
    }
    ZEROTH_INLINE static SomeLanes lanes_before(std::uint64_t end, std::uint64_t element) noexcept {
        const std::uint64_t left = end - element;
        return SomeLanes{left < width ? static_cast<int>(left) : Lanes::width}; // named: for nvcc 13.0
    }

    /// N runs of counters.
    template <int K, int N, bool Checked>
    ZEROTH_INLINE static void pass(Bound& bound, Storage* data, const R* rays, const Factors* factors, std::uint64_t counter,
                                   std::uint64_t end) noexcept {
        if constexpr (!Checked && draws_all) {
            pass_all<K, N>(bound, data, rays, factors, counter);
        } else {
            Draw draws[N * K];
            draw<K, N>(rays, counter, draws);
            if constexpr (!Checked && Lanes::width != 1 && R::groups <= 8) {
                ZEROTH_UNROLL
                for (int group = 0; group < R::groups; ++group) {
                    apply_group<K, N, Checked>(bound, data, factors, draws, counter, group, end);
                }
            } else {
                for (int group = 0; group < R::groups; ++group) {
                    if (Checked && element_of<R>(counter, group * R::vectors) >= end) {
                        break;
                    }
                    apply_group<K, N, Checked>(bound, data, factors, draws, counter, group, end);
                }
            }
        }
    }

    template <int K, int N>
    ZEROTH_INLINE static void draw(const R* rays, std::uint64_t counter, Draw (&draws)[N * K]) noexcept {
        const R* of[N * K];
        std::uint64_t counters[N * K];
        ZEROTH_UNROLL
        for (int n = 0; n < N; ++n) {
            ZEROTH_UNROLL
            for (int k = 0; k < K; ++k) {
                of[n * K + k] = rays + k;
                counters[n * K + k] = counter + static_cast<std::uint64_t>(n * Lanes::width);
            }
        }
        Draw::template draw<N * K>(of, counters, draws);
    }

    /// Whole runs, drawn key by key: one key's share what their counters have in common.
    template <int K, int N>
    ZEROTH_INLINE static void pass_all(Bound& bound, Storage* data, const R* rays, const Factors* factors, std::uint64_t counter) noexcept {
        Draw draws[K][N];
        ZEROTH_UNROLL
        for (int k = 0; k < K; ++k) {
            draw<1, N>(rays + k, counter, draws[k]);
        }
        ZEROTH_UNROLL
        for (int run = 0; run < N; ++run) {
            const std::uint64_t first = element_of<R>(counter + static_cast<std::uint64_t>(run * Lanes::width), 0);
            Real sum[registers][E::sums];
            ZEROTH_UNROLL
            for (int k = 0; k < K; ++k) {
                typename Lanes::Float z[registers];
                draws[k][run].all(z);
                ZEROTH_UNROLL
                for (int j = 0; j < registers; ++j) {
                    if (k == 0) {
                        E::template accumulate<true>(bound, sum[j], z[j], factors[0].coefficient);
                    } else {
                        E::template accumulate<false>(bound, sum[j], z[j], factors[k].coefficient);
                    }
                    if (k == K - 1) {
                        const std::uint64_t element = first + static_cast<std::uint64_t>(j * tile_lanes);
                        E::prefetch(data, element);
                        E::apply(bound, data + element, sum[j], element, AllLanes<Lanes>{});
                    }
                }
            }
        }
    }

    template <int K, int N, bool Checked>
    ZEROTH_INLINE static void apply_group(Bound& bound, Storage* data, const Factors* factors, Draw* draws, std::uint64_t counter, int group,
                                          std::uint64_t end) noexcept {
        ZEROTH_UNROLL
        for (int n = 0; n < N; ++n) {
            typename Lanes::Float z[K][R::vectors];
            if constexpr (!draws_one) {
                ZEROTH_UNROLL
                for (int k = 0; k < K; ++k) {
                    draws[n * K + k].next(z[k]);
                }
            }
            ZEROTH_UNROLL
            for (int j = 0; j < R::vectors; ++j) {
                if constexpr (draws_one) {
                    ZEROTH_UNROLL
                    for (int k = 0; k < K; ++k) {
                        z[k][j] = draws[n * K + k].one(j);
                    }
                }
                const std::uint64_t element =
                    element_of<R>(counter + static_cast<std::uint64_t>(n * Lanes::width), group * R::vectors + j);
                if (Checked && element >= end) {
                    break;
                }
                Real sum[E::sums];
                E::template accumulate<true>(bound, sum, z[0][j], factors[0].coefficient);
                ZEROTH_UNROLL
                for (int k = 1; k < K; ++k) {
                    E::template accumulate<false>(bound, sum, z[k][j], factors[k].coefficient);
                }
                if constexpr (Checked) {
                    E::apply(bound, data + element, sum, element, lanes_before(end, element));
                } else {
                    E::prefetch(data, element);
                    E::apply(bound, data + element, sum, element, AllLanes<Lanes>{});
                }
            }
        }
    }
};

#if defined(__clang__)
#pragma clang diagnostic pop
#endif

ZEROTH_END_NAMESPACE
