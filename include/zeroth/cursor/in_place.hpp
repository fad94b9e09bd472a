#pragma once

#include <zeroth/backends/operation.hpp>
#include <zeroth/backends/stochastic_store.hpp>
#include <zeroth/cursor/base_move.hpp>
#include <zeroth/cursor/term.hpp>

#include <concepts>
#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

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
    /// Whether an update that falls under the precision that weights are computed in is kept in the mean.
    static constexpr bool rounds_stochastically = false;

    template <class D, class B, class M>
    class Weights;
};

/// w <- base + increment(base, ...) + sum_1, base = w - sum_0.
template <BaseMove M>
struct UpdateInPlace {
    static constexpr int coefficients = 2 + M::coefficients;
    static constexpr int scaled = 2 + M::scaled;
    static constexpr int sums = 2 + M::sums;
    static constexpr bool writes = true;

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

template <class D, class B, class M>
class InPlace::Weights {
  public:
    Weights(const InPlace&, std::span<const Block> blocks, const D& direction, const B& backend, const Reach&,
            std::size_t max_parts)
        : blocks_{blocks}, direction_{direction}, backend_{backend} {
        moves_.reserve(max_parts);
        update_moves_.reserve(max_parts);
    }

    /// One traversal, with a move of the base unless null. Returns how many traversals it made.
    int move(std::span<const Part<M::coefficients>> parts, const M* base) {
        double scale = 0;
        const Key* base_move = nullptr;
        if constexpr (std::same_as<M, LinearMove>) {
            if (base != nullptr && base->decay == 1) {
                scale = base->scale; // another displacement, as it were
                base_move = &base->key;
                base = nullptr;
            }
        }
        if (base == nullptr) {
            moves_.clear();
            for (const Part<M::coefficients>& part : parts) {
                moves_.push_back({part.key, {(part.enter - part.leave) + ScalarLanes::product(scale, part.gradient[0])}, part.block_scale});
            }
            if (base_move == nullptr) {
                backend_.traverse(blocks_, direction_, std::span<const Move<1>>{moves_}, Displace{});
            } else {
                backend_.traverse(blocks_, direction_, std::span<const Move<1>>{moves_}, DisplaceBase{*base_move});
            }
        } else {
            update_moves_.clear();
            for (const Part<M::coefficients>& part : parts) {
                Move<2 + M::coefficients>& move = update_moves_.emplace_back(
                    Move<2 + M::coefficients>{part.key, {part.leave, part.enter}, part.block_scale});
                for (int i = 0; i < M::coefficients; ++i) {
                    move.coefficient[2 + i] = part.gradient[i];
                }
            }
            backend_.traverse(blocks_, direction_, std::span<const Move<2 + M::coefficients>>{update_moves_},
                              UpdateInPlace<M>{*base});
        }
        return 1;
    }

    /// Nothing is kept beside the weights.
    int adopt() const noexcept { return 0; }
    [[nodiscard]] std::size_t bytes() const noexcept { return 0; }

  private:
    std::span<const Block> blocks_;
    const D& direction_;
    const B& backend_;
    std::vector<Move<1>> moves_;
    std::vector<Move<2 + M::coefficients>> update_moves_;
};

ZEROTH_END_NAMESPACE
