#pragma once

#include <zeroth/any/any_ray.hpp>
#include <zeroth/backends/kernel.hpp>
#include <zeroth/cursor/descend.hpp>
#include <zeroth/directions/gaussian.hpp>
#include <zeroth/directions/low_rank.hpp>
#include <zeroth/directions/mixed_pool.hpp>
#include <zeroth/directions/rademacher.hpp>
#include <zeroth/directions/table_rays.hpp>
#include <zeroth/directions/uniform.hpp>
#include <zeroth/updates/adam.hpp>
#include <zeroth/updates/momentum.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>

ZEROTH_BEGIN_NAMESPACE

/// What a displacement is: one sum, and the time it takes is that of forming its numbers.
template <class Operation>
inline constexpr bool only_displaces = Operation::sums == 1 && Operation::coefficients == 1;

/// Operations that are compiled for one ray of a FusedRay besides, for the cheaper of which handing numbers over costs most: the update along a
/// plain step for all of them, and for signs along any; for Gaussians by what is kept for each weight, which is read meanwhile.
template <class Operation, FusedRay Fused>
inline constexpr bool fuses_one = false;
template <template <class> class Update, FusedRay Fused>
    requires(Update<Descend<PlainStep>>::sums > 1 && Fused != FusedRay::gaussian)
inline constexpr bool fuses_one<Update<Descend<PlainStep>>, Fused> = true;
template <template <class> class Update, class U>
    requires(Update<Descend<U>>::sums > 1 && U::coefficients == 1 && !std::same_as<U, PlainStep>)
inline constexpr bool fuses_one<Update<Descend<U>>, FusedRay::signs> = true;
template <template <class> class Update>
    requires(Update<Descend<MomentumStep>>::sums > 1)
inline constexpr bool fuses_one<Update<Descend<MomentumStep>>, FusedRay::gaussian> = true;
template <template <class> class Update>
    requires(Update<Descend<AdamStep>>::sums > 1)
inline constexpr bool fuses_one<Update<Descend<AdamStep>>, FusedRay::gaussian> = true;

/// Traversals along rays of a type that is known at run time alone: each fills a chunk, the operation goes over it.
template <class Lanes, class Storage, class Operation>
struct Kernel<Lanes, Storage, AnyRay, Operation> {
  private:
    using E = Element<Lanes, Storage, AnyRay, Operation>;
    using Compute = typename E::Compute;
    using Real = typename E::Real;
    using Bound = typename E::Bound;
    using Move = PreparedMove<AnyRay, Real, Operation::coefficients>;

    static constexpr auto width = static_cast<std::uint64_t>(Lanes::width);
    /// Numbers that fit into half of the first-level cache, with as many weights, in whole tiles: fewer calls are worth more than cache.
    static constexpr std::uint64_t filled = 2 * tile_size<AnyRay>;
    /// Less where the sums of a chunk would take too much.
    static constexpr std::uint64_t chunk = E::sums * sizeof(Compute) * filled > Tuning::chunk_bytes ? filled / 2 : filled;
    static constexpr std::size_t batch = max_skipping_rays;

  public:
    static void run(const Block& block, std::size_t index, std::uint64_t begin, std::uint64_t end, const Moves<AnyRay>& moves,
                    const Operation& operation) noexcept {
        if constexpr (Operation::sums == 0) {
            KernelRegisters<Lanes, Storage, NoRay, Operation>::run_alone(block, index, begin, end, operation);
        } else {
            if (moves.size() == 0) {
                KernelRegisters<Lanes, Storage, NoRay, Operation>::run_alone(block, index, begin, end, operation);
                return;
            }
            const FusedRay fused = moves.rays.ray(0, index).type->fused;
            if (run_fused<Rademacher::Ray, FusedRay::signs>(fused, block, index, begin, end, moves, operation) ||
                run_fused<TableRay, FusedRay::table>(fused, block, index, begin, end, moves, operation) ||
                run_fused<MixedPool::Ray, FusedRay::mixed_pool>(fused, block, index, begin, end, moves, operation) ||
                run_fused<Uniform::Ray, FusedRay::uniform>(fused, block, index, begin, end, moves, operation) ||
                run_fused<LowRank<2>::Ray, FusedRay::low_rank>(fused, block, index, begin, end, moves, operation) ||
                run_fused<Gaussian::Ray, FusedRay::gaussian>(fused, block, index, begin, end, moves, operation)) {
                return;
            }
            switch (moves.size()) {
            case 1: run_few<1>(block, index, begin, end, moves, operation); return;
            case 2:
                if constexpr (only_displaces<Operation>) {
                    run_few<2>(block, index, begin, end, moves, operation);
                    return;
                }
                [[fallthrough]];
            default: run_many(block, index, begin, end, moves, operation); return;
            }
        }
    }

  private:
    /// The moves' rays as what they are.
    template <class R>
    struct Known {
        const Moves<AnyRay>& moves;

        [[nodiscard]] R ray(std::size_t k, std::size_t b) const noexcept { return moves.rays.ray(k, b).template as<R>(); }
        [[nodiscard]] const double* scales(std::size_t k) const noexcept { return moves.rays.scales(k); }
    };
    /// Whether it did so. Of wider weights, and of narrower ones, which are converted, the memory's and the conversion's time is more: for
    /// these only signs are compiled.
    template <class R, FusedRay Fused>
    static bool run_fused(FusedRay fused, const Block& block, std::size_t index, std::uint64_t begin, std::uint64_t end, const Moves<AnyRay>& moves,
                          const Operation& operation) noexcept {
        constexpr bool is_float = std::same_as<Storage, float>;
        if constexpr (only_displaces<Operation> && Fused != FusedRay::gaussian && (is_float || Fused == FusedRay::signs)) {
            if (fused == Fused) {
                const Known<R> known{moves};
                Kernel<Lanes, Storage, R, Operation>::run(block, index, begin, end, {{known, moves.size()}, moves.coefficients, moves.stride},
                                                          operation);
                return true;
            }
        } else if constexpr (fuses_one<Operation, Fused> && is_float) {
            if (fused == Fused && moves.size() == 1) {
                const Known<R> known{moves};
                KernelRegisters<Lanes, Storage, R, Operation>::template run<1>(block, index, begin, end,
                                                                               {{known, 1}, moves.coefficients, moves.stride}, operation);
                return true;
            }
        }
        return false;
    }

    static void prepare(Move* prepared, const Moves<AnyRay>& moves, std::size_t first, std::size_t count, std::size_t index) noexcept {
        for (std::size_t k = 0; k < count; ++k) {
            prepared[k] = moves.template prepared<Lanes, Storage, Operation>(first + k, index);
        }
    }
    /// Where the chunk that begins at `first` ends: in its own stretch where a ray may skip that.
    static std::uint64_t end_of_chunk(const Move& move, std::uint64_t first, std::uint64_t end) noexcept {
        std::uint64_t last = end - first < chunk ? end : first + chunk;
        if constexpr (skips_zeros<Operation>) {
            if (move.ray.type->is_zero != nullptr) {
                const std::uint64_t next = first / move.ray.type->stretch * move.ray.type->stretch + move.ray.type->stretch;
                last = last < next ? last : next;
            }
        }
        return last;
    }
    static bool is_zero([[maybe_unused]] const Move* moves, [[maybe_unused]] std::size_t count, [[maybe_unused]] std::uint64_t element) noexcept {
        if constexpr (skips_zeros<Operation>) {
            const RayType& type = *moves[0].ray.type;
            bool zero = type.is_zero != nullptr;
            for (std::size_t k = 0; zero && k < count; ++k) {
                zero = type.is_zero(moves[k].ray, element / type.stretch * type.stretch, type.stretch);
            }
            return zero;
        } else {
            return false;
        }
    }
    /// Numbers first to last - 1, and zeros to the end of their last register; they begin at what it returns.
    static const float* fill(const AnyRay& ray, const Storage* data, std::uint64_t first, std::uint64_t last,
                             float (&z)[filled + tile_lanes]) noexcept {
        const std::uint64_t begin = first / ray.type->tile * ray.type->tile;
        ray.type->fill(ray, begin, last - begin, {z, reinterpret_cast<const std::byte*>(data + begin), sizeof(Storage)});
        for (std::uint64_t i = last - begin; i % width != 0; ++i) {
            z[i] = 0;
        }
        return z + (first - begin);
    }

    template <int K>
    static void run_few(const Block& block, std::size_t index, std::uint64_t begin, std::uint64_t end, const Moves<AnyRay>& moves,
                        const Operation& operation) noexcept {
        alignas(64) float numbers[K][filled + tile_lanes];
        Move prepared[K];
        prepare(prepared, moves, 0, K, index);
        Bound bound{operation, block, index};
        auto* const data = static_cast<Storage*>(block.data);
        std::uint64_t last = begin;
        for (std::uint64_t first = begin; first < end; first = last) {
            last = end_of_chunk(prepared[0], first, end);
            if (is_zero(prepared, K, first)) {
                continue;
            }
            const float* z[K];
            for (int k = 0; k < K; ++k) {
                z[k] = fill(prepared[k].ray, data, first, last, numbers[k]);
            }
            Real coefficient[K][Operation::coefficients];
            for (int k = 0; k < K; ++k) {
                for (int i = 0; i < Operation::coefficients; ++i) {
                    coefficient[k][i] = prepared[k].coefficient[i];
                }
            }
            const auto sum_up = [&](Real(&sum)[E::sums], std::uint64_t element) {
                E::template accumulate<true>(bound, sum, Lanes::load(z[0] + (element - first)), coefficient[0]);
                ZEROTH_UNROLL
                for (int k = 1; k < K; ++k) {
                    E::template accumulate<false>(bound, sum, Lanes::load(z[k] + (element - first)), coefficient[k]);
                }
            };
            std::uint64_t element = first;
            for (; element + width <= last; element += width) {
                Real sum[E::sums];
                sum_up(sum, element);
                E::apply(bound, data + element, sum, element, AllLanes<Lanes>{});
            }
            if (element < last) {
                Real sum[E::sums];
                sum_up(sum, element);
                E::apply(bound, data + element, sum, element, SomeLanes{static_cast<int>(last - element)});
            }
        }
        bound.finish();
    }

    using Sums = Compute[E::sums][chunk];

    static void run_many(const Block& block, std::size_t index, std::uint64_t begin, std::uint64_t end, const Moves<AnyRay>& moves,
                         const Operation& operation) noexcept {
        alignas(64) float numbers[filled + tile_lanes];
        alignas(64) Sums partial;
        Move prepared[batch];
        Bound bound{operation, block, index};
        auto* const data = static_cast<Storage*>(block.data);
        std::uint64_t last = begin;
        for (std::uint64_t first = begin; first < end; first = last) {
            bool is_skipped = false;
            for (std::size_t m = 0; m < moves.size() && !is_skipped; m += batch) {
                const std::size_t count = moves.size() - m < batch ? moves.size() - m : batch;
                if (moves.size() > batch || first == begin) {
                    prepare(prepared, moves, m, count, index);
                }
                if (m == 0) {
                    last = end_of_chunk(prepared[0], first, end);
                }
                is_skipped = moves.size() <= batch && is_zero(prepared, count, first);
                for (std::size_t k = 0; k < count && !is_skipped; ++k) {
                    const float* const z = fill(prepared[k].ray, data, first, last, numbers);
                    if (m + k == 0) {
                        accumulate<true>(bound, z, prepared[k], last - first, partial);
                    } else {
                        accumulate<false>(bound, z, prepared[k], last - first, partial);
                    }
                }
            }
            if (!is_skipped) {
                E::apply_chunk(bound, data, first, last, partial);
            }
        }
        bound.finish();
    }
    template <bool First>
    static void accumulate(Bound& bound, const float* z, const Move& move, std::uint64_t count, Sums& partial) noexcept {
        Real coefficient[Operation::coefficients];
        for (int i = 0; i < Operation::coefficients; ++i) {
            coefficient[i] = move.coefficient[i];
        }
        for (std::uint64_t place = 0; place < count; place += width) {
            Real sum[E::sums];
            if constexpr (!First) {
                E::load_sums(sum, partial, place);
            }
            E::template accumulate<First>(bound, sum, Lanes::load(z + place), coefficient);
            E::store_sums(sum, partial, place);
        }
    }
};

ZEROTH_END_NAMESPACE
