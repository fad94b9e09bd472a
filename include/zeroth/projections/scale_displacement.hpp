#pragma once

#include <zeroth/backends/between.hpp>
#include <zeroth/backends/operation.hpp>
#include <zeroth/backends/reductions.hpp>
#include <zeroth/backends/stochastic_store.hpp>
#include <zeroth/cursor/grid.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>

ZEROTH_BEGIN_NAMESPACE

/// copy <- w, and the largest |w - anchor| of each block, NaN where one is not finite.
struct KeepCurrent {
    static constexpr int coefficients = 1;
    static constexpr int sums = 0;
    static constexpr bool writes = false;

    std::byte* const* copy = nullptr;
    const std::byte* const* anchor = nullptr;
    /// One a block, to begin with 0.
    double* largest = nullptr;

    template <class Lanes, class Storage>
    struct Bound {
        using Compute = ComputeType<Storage>;
        using Real = typename Lanes::template Real<Compute>;

        Storage* copy;
        const Storage* anchor;
        LargestMagnitude::Seen<Lanes, Compute> seen{};
        double& result;

        Bound(const KeepCurrent& operation, const Block&, std::size_t block) noexcept
            : copy{reinterpret_cast<Storage*>(operation.copy[block])},
              anchor{reinterpret_cast<const Storage*>(operation.anchor[block])}, result{operation.largest[block]} {}

        template <bool First, class... Ignored>
        ZEROTH_INLINE void accumulate(const Ignored&...) const noexcept {}
        template <class Count>
        ZEROTH_INLINE Real apply(const Real& w, const Real (&)[1], std::uint64_t element, Count count) noexcept {
            store<Lanes>(copy + element, w, count);
            seen.see(w - load<Lanes>(anchor + element, count));
            return w;
        }
        void finish() const noexcept { seen.merge_into(result); }
    };
};

/// The sum of (w - anchor)^2 over each block.
struct SquaredDisplacement {
    static constexpr int coefficients = 1;
    static constexpr int sums = 0;
    static constexpr bool writes = false;

    const std::byte* const* anchor = nullptr;
    SquaredUnits* units = nullptr;

    template <class Lanes, class Storage>
    struct Bound {
        using Compute = ComputeType<Storage>;
        using Real = typename Lanes::template Real<Compute>;

        const Storage* anchor;
        SquaredUnits seen;
        SquaredUnits& result;

        Bound(const SquaredDisplacement& operation, const Block&, std::size_t block) noexcept
            : anchor{reinterpret_cast<const Storage*>(operation.anchor[block])}, seen{0, 0, operation.units[block].scale},
              result{operation.units[block]} {}

        template <bool First, class... Ignored>
        ZEROTH_INLINE void accumulate(const Ignored&...) const noexcept {}
        ZEROTH_INLINE Real apply(const Real& w, const Real (&)[1], std::uint64_t element, AllLanes<Lanes> count) noexcept {
            seen.add<Lanes, Compute>(w - load<Lanes>(anchor + element, count), Lanes::width);
            return w;
        }
        ZEROTH_INLINE Real apply(const Real& w, const Real (&)[1], std::uint64_t element, SomeLanes count) noexcept {
            seen.add<Lanes, Compute>(w - load<Lanes>(anchor + element, count), count.count);
            return w;
        }
        void finish() const noexcept { seen.merge_into(result); }
    };
};

/// w <- current + round((ratio - 1) (current - anchor)), that is anchor + ratio (current - anchor), formed anew each time: ratio 1 gives
/// current bit for bit.
///
/// One rounding of a part of the displacement and one of the sum. 16-bit weights are rounded stochastically, with bits of `rounding`, so
/// that a displacement of one unit in the last place is scaled on average. Where a block has a quantum the part is rounded to its multiples
/// instead, and weights on that grid (Exact) stay on it.
struct ScaleDisplacement {
    static constexpr int coefficients = 1;
    static constexpr int sums = 0;
    static constexpr bool writes = true;

    const std::byte* const* current = nullptr;
    /// Null: what is scaled is the displacement itself.
    const std::byte* const* anchor = nullptr;
    const double* ratio = nullptr;
    /// One a block, 0 for none.
    const double* quantum = nullptr;
    Key rounding;

    template <class Lanes, class Storage>
    struct Bound {
        using Compute = ComputeType<Storage>;
        using Real = typename Lanes::template Real<Compute>;

        const Storage* current;
        const Storage* anchor;
        bool scales;
        bool on_grid;
        Real factor;
        Real magic;
        Real limit;
        Real end;
        StochasticStore<Lanes, Storage> store;

        Bound(const ScaleDisplacement& operation, const Block& block, std::size_t index) noexcept
            : current{reinterpret_cast<const Storage*>(operation.current[index])},
              anchor{operation.anchor != nullptr ? reinterpret_cast<const Storage*>(operation.anchor[index]) : nullptr},
              scales{operation.ratio[index] != 1}, on_grid{operation.quantum[index] != 0},
              factor{real(operation.ratio[index] - 1)}, magic{real(Grid::magic(operation.quantum[index], block.type))},
              limit{real(Grid::half_range(operation.quantum[index], block.type))},
              end{real(2 * Grid::half_range(operation.quantum[index], block.type))},
              store{operation.rounding, block.identity, Purpose::projection} {}

        template <bool First, class... Ignored>
        ZEROTH_INLINE void accumulate(const Ignored&...) const noexcept {}
        template <class Count>
        ZEROTH_INLINE Real apply(const Real&, const Real (&)[1], std::uint64_t element, Count count) const noexcept {
            const Real now = load<Lanes>(current + element, count);
            if (!scales) {
                return now;
            }
            const Real displacement = anchor != nullptr ? now - load<Lanes>(anchor + element, count) : now;
            const Real part = Lanes::product(factor, displacement);
            if (on_grid) {
                return between<Lanes, Compute>(now + ((between<Lanes, Compute>(part, limit) + magic) - magic), end);
            }
            return now + part;
        }
        void finish() const noexcept {}

      private:
        ZEROTH_INLINE static Real real(double x) noexcept { return Lanes::template broadcast_real<Compute>(x); }
    };
};

ZEROTH_END_NAMESPACE
