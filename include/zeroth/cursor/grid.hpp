#pragma once

#include <zeroth/backends/between.hpp>
#include <zeroth/backends/operation.hpp>
#include <zeroth/backends/reductions.hpp>
#include <zeroth/cursor/descend.hpp>
#include <zeroth/ground/device_copyable.hpp>
#include <zeroth/parameters/block.hpp>
#include <zeroth/random/dither.hpp>

#include <cstddef>
#include <cstdint>

ZEROTH_BEGIN_NAMESPACE

/// The multiples of a block's quantum, a power of two, on which Exact keeps its weights: what holds of the arithmetic there.
struct Grid {
    using Storages = ScalarTypes<float, double>;

    /// Significant bits of what a block is computed in.
    static constexpr int digits(ScalarType type) noexcept { return type == ScalarType::float64 ? 53 : 24; }
    /// x + magic - magic rounds x to the nearest multiple of the quantum, for |x| <= 2^(digits - 2) quanta.
    ZEROTH_HOST_DEVICE static constexpr double magic(double quantum, ScalarType type) noexcept {
        return 1.5 * quantum * (type == ScalarType::float64 ? 0x1p52 : 0x1p23);
    }
    /// 2^(digits - 2) quanta.
    ZEROTH_HOST_DEVICE static constexpr double half_range(double quantum, ScalarType type) noexcept {
        return quantum * (type == ScalarType::float64 ? 0x1p51 : 0x1p22);
    }
    static constexpr int min_exponent(ScalarType type) noexcept { return type == ScalarType::float64 ? -900 : -100; }
    /// So that nothing computed on the grid overflows.
    static constexpr int largest_exponent(ScalarType type) noexcept { return type == ScalarType::float64 ? 946 : 102; }
};

/// w <- w + times sum round_q(c z). A displacement is left by its coefficients' opposites, since roundings of opposites are opposite, and the
/// way from one to its opposite is twice the way there.
struct DisplaceOnGrid {
    static constexpr int coefficients = 1;
    static constexpr int sums = 1;
    static constexpr bool writes = true;
    static constexpr bool is_device_copyable = true;
    using Storages = Grid::Storages;

    const double* quantum = nullptr;
    double times = 1;

    template <class Visitor>
    ZEROTH_HOST_DEVICE constexpr void for_each_table(Visitor& visit) {
        visit(quantum);
    }

    template <class Lanes, class Storage>
    struct Bound {
        using Compute = ComputeType<Storage>;
        using Real = typename Lanes::template Real<Compute>;

        Real magic;
        Real times;

        ZEROTH_HOST_DEVICE Bound(const DisplaceOnGrid& operation, const BlockView& block, std::size_t index) noexcept
            : magic{Lanes::template broadcast_real<Compute>(Grid::magic(operation.quantum[index], block.type))},
              times{Lanes::template broadcast_real<Compute>(operation.times)} {}

        template <bool First>
        ZEROTH_INLINE void accumulate(Real (&sum)[1], const Real& z, const Real (&coefficient)[1]) const noexcept {
            const Real part = (Lanes::product(coefficient[0], z) + magic) - magic;
            if constexpr (First) {
                sum[0] = part;
            } else {
                sum[0] = sum[0] + part;
            }
        }
        template <class Count>
        ZEROTH_INLINE Real apply(const Real& w, const Real (&sum)[1], std::uint64_t, Count) const noexcept {
            return Lanes::sum_with_exact_product(times, sum[0], w);
        }
        void finish() const noexcept {}
    };
};

/// base <- base + stochastic_round_q(increment(base, ...)), base = w - sum_0; then w <- base + sum_1.
template <class M>
struct UpdateOnGrid {
    static constexpr int coefficients = 2 + M::coefficients;
    static constexpr int scaled = 2 + M::scaled;
    static constexpr int sums = 2 + M::sums;
    static constexpr bool writes = true;
    static constexpr bool is_device_copyable = zeroth::is_device_copyable<M>;
    using Storages = Grid::Storages;

    const double* quantum = nullptr;
    double* largest = nullptr;
    M move;

    template <class Visitor>
    ZEROTH_HOST_DEVICE constexpr void for_each_table(Visitor& visit) {
        visit(quantum);
        visit(largest);
        for_each_table_of(move, visit);
    }

    template <class Lanes, class Storage>
    struct Bound {
        using Compute = ComputeType<Storage>;
        using Real = typename Lanes::template Real<Compute>;

        Real magic;
        Real limit;
        Real end;
        Real noise_scale;
        Dither dither;
        typename M::template Bound<Lanes, Storage> move;
        /// Of what is stored, and whether all weights were finite before, which a cut would hide.
        LargestMagnitude::Seen<Lanes, Compute> seen{};
        double& result;

        ZEROTH_HOST_DEVICE Bound(const UpdateOnGrid& operation, const BlockView& block, std::size_t index) noexcept
            : magic{Lanes::template broadcast_real<Compute>(Grid::magic(operation.quantum[index], block.type))},
              limit{Lanes::template broadcast_real<Compute>(Grid::half_range(operation.quantum[index], block.type) -
                                                            operation.quantum[index])},
              end{Lanes::template broadcast_real<Compute>(2 * Grid::half_range(operation.quantum[index], block.type))},
              noise_scale{Lanes::template broadcast_real<Compute>(operation.quantum[index] * 0x1p-32)},
              dither{operation.move.key, block.identity}, move{operation.move, block, index},
              result{operation.largest[index]} {}

        ZEROTH_INLINE Real to_grid(const Real& x) const noexcept { return (x + magic) - magic; }

        template <bool First>
        ZEROTH_INLINE void accumulate(Real (&sum)[sums], const Real& z, const Real (&coefficient)[coefficients]) noexcept {
            ZEROTH_UNROLL
            for (int s = 0; s < 2; ++s) {
                const Real part = to_grid(Lanes::product(coefficient[s], z));
                if constexpr (First) {
                    sum[s] = part;
                } else {
                    sum[s] = sum[s] + part;
                }
            }
            move.template accumulate<First>(sum + 2, z, coefficient + 2);
        }
        template <class Count>
        ZEROTH_INLINE Real apply(const Real& w, const Real (&sum)[sums], std::uint64_t element, Count count) noexcept {
            const Real base = w - sum[0];
            const Real update = between<Lanes, Compute>(move.increment(base, sum + 2, element, count), limit);
            const Real noise = Lanes::product(
                Lanes::template widen<Compute>(Lanes::signed_to_float(dither.template words<Lanes>(element))), noise_scale);
            const Real moved = between<Lanes, Compute>(base + to_grid(update + noise), end);
            seen.see(moved);
            seen.poison = seen.poison + (w - w);
            return moved + sum[1];
        }
        ZEROTH_HOST_DEVICE void finish() const noexcept { seen.merge_into(result); }
    };
};

/// w <- round_q(w).
struct LayGrid {
    static constexpr int coefficients = 1;
    static constexpr int sums = 0;
    static constexpr bool writes = true;
    static constexpr bool is_device_copyable = true;
    using Storages = Grid::Storages;

    const double* quantum = nullptr;

    template <class Visitor>
    ZEROTH_HOST_DEVICE constexpr void for_each_table(Visitor& visit) {
        visit(quantum);
    }

    template <class Lanes, class Storage>
    struct Bound {
        using Real = typename Lanes::template Real<ComputeType<Storage>>;

        Real magic;

        ZEROTH_HOST_DEVICE Bound(const LayGrid& operation, const BlockView& block, std::size_t index) noexcept
            : magic{Lanes::template broadcast_real<ComputeType<Storage>>(
                  Grid::magic(operation.quantum[index], block.type))} {}

        template <bool First, class... Ignored>
        ZEROTH_INLINE void accumulate(const Ignored&...) const noexcept {}
        template <class Count>
        ZEROTH_INLINE Real apply(const Real& w, const Real (&)[1], std::uint64_t, Count) const noexcept {
            return (w + magic) - magic;
        }
        void finish() const noexcept {}
    };
};

ZEROTH_END_NAMESPACE
