#pragma once

#include <zeroth/backends/operation.hpp>
#include <zeroth/backends/stochastic_store.hpp>
#include <zeroth/cursor/descend.hpp>
#include <zeroth/cursor/parts.hpp>
#include <zeroth/ground/device_copyable.hpp>
#include <zeroth/parameters/saved_blocks.hpp>

#include <concepts>
#include <cstddef>
#include <string_view>

ZEROTH_BEGIN_NAMESPACE

/// Restore policy: displacements are added and taken off again in the weights' own arithmetic.
///
/// Memory: none. Any scalar type. Each traversal rounds each weight once, so after a step without an update a weight differs from what it
/// was by at most (number of traversals) / 2 units in the last place of the displaced weight; over 2,000 such steps fp32 weights drift by
/// 3e-6 (Gaussian) to 2e-5 (Rademacher) relative, but float16 by 2 % and bfloat16 by 17 %: for those choose Snapshot.
/// The traversal that moves the base rounds 16-bit weights stochastically (StochasticStore), with what it takes off and adds besides: so what
/// perturbing has rounded away comes back as a random walk, by which bfloat16 drifts by 11 % (Rademacher) to 15 % (Gaussian) over 2,000 steps.
struct InPlace {
    static constexpr std::string_view name = "in-place";
    static constexpr bool adjusts_weights = false;
    /// Whether it has to know what it takes off.
    static constexpr bool needs_left = true;
    /// Whether an update that falls under the precision that weights are computed in is kept in the mean.
    static constexpr bool rounds_stochastically = false;

    template <class M>
    class Weights;
};

/// w <- base + increment(base, ...) + sum_1, base = w - sum_0.
template <class M>
struct UpdateInPlace {
    static constexpr int coefficients = 2 + M::coefficients;
    static constexpr int scaled = 2 + M::scaled;
    static constexpr int sums = 2 + M::sums;
    static constexpr bool writes = true;
    static constexpr bool is_device_copyable = zeroth::is_device_copyable<M>;

    M move;

    template <class Visitor>
    ZEROTH_HOST_DEVICE constexpr void for_each_table(Visitor& visit) {
        for_each_table_of(move, visit);
    }

    template <class Lanes, class Storage>
    struct Bound {
        using Real = typename Lanes::template Real<ComputeType<Storage>>;

        typename M::template Bound<Lanes, Storage> move;
        StochasticStore<Lanes, Storage> store;

        ZEROTH_HOST_DEVICE Bound(const UpdateInPlace& operation, const BlockView& block, std::size_t index) noexcept
            : move{operation.move, block, index}, store{operation.move.key, block.identity} {}

        template <bool First>
        ZEROTH_INLINE void accumulate(Real (&sum)[sums], const Real& z, const Real (&coefficient)[coefficients]) noexcept {
            ZEROTH_UNROLL
            for (int s = 0; s < 2; ++s) {
                const Real part = Lanes::product(coefficient[s], z);
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
            return (base + move.increment(base, sum + 2, element, count)) + sum[1];
        }
        void finish() const noexcept {}
    };
};

template <class M>
class InPlace::Weights {
  public:
    template <class At>
    Weights(const InPlace&, const At&, double, std::size_t) noexcept {}

    /// One traversal, with a move of the base unless null. Returns how many traversals it made.
    template <class At>
    int move(const At& at, Parts& parts, const M* base) {
        double scale = 0;
        const Key* base_move = nullptr;
        if (base != nullptr && is_plain(base->step) && base->is_uniform && base->of_block[0].shrink == 0) {
            scale = base->of_block[0].scale; // another displacement, as it were
            base_move = &base->key;
            base = nullptr;
        }
        if (base != nullptr) {
            at.traverse(UpdateInPlace<M>{*base}, parts, Parts::leave);
            return 1;
        }
        for (std::size_t k = 0; k < parts.size(); ++k) {
            double* const row = parts[k];
            row[Parts::leave] = (row[Parts::enter] - row[Parts::leave]) + ScalarLanes::product(scale, row[Parts::gradient]);
        }
        if (base_move == nullptr) {
            at.traverse(Displace{}, parts, Parts::leave);
        } else {
            at.traverse(DisplaceBase{*base_move}, parts, Parts::leave);
        }
        return 1;
    }

    template <class At>
    void save(StateWriter&, const At&, bool) const noexcept {}
    template <class At>
    void load(StateReader&, const At&, const SavedBlocks&, bool) const noexcept {}
    /// Nothing is kept beside the weights.
    template <class At>
    int adopt(const At&) const noexcept {
        return 0;
    }
    [[nodiscard]] std::size_t bytes() const noexcept { return 0; }
};

ZEROTH_END_NAMESPACE
