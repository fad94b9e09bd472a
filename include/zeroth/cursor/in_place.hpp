#pragma once

#include <zeroth/backends/operation.hpp>
#include <zeroth/cursor/term.hpp>

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
struct InPlace {
    static constexpr std::string_view name = "in-place";
    static constexpr bool adjusts_weights = false;

    template <class D, class B>
    class Weights;
};

/// w <- (w + sum_0) * decay + sum_1.
struct DecayedDisplace {
    static constexpr int coefficients = 2;
    static constexpr int sums = 2;
    static constexpr bool writes = true;

    double decay = 1;

    template <class Lanes, class Storage>
    struct Bound {
        using Compute = ComputeType<Storage>;
        using Real = typename Lanes::template Real<Compute>;

        Real decay;

        Bound(const DecayedDisplace& operation, const Block&, std::size_t) noexcept
            : decay{Lanes::template broadcast_real<Compute>(operation.decay)} {}

        template <bool First>
        ZEROTH_INLINE void accumulate(Real (&sum)[2], const Real& z, const Real (&coefficient)[2]) const noexcept {
            ZEROTH_UNROLL
            for (int s = 0; s < 2; ++s) {
                const Real part = Lanes::product(coefficient[s], z);
                if constexpr (First) {
                    sum[s] = part;
                } else {
                    sum[s] = sum[s] + part;
                }
            }
        }
        template <class Count>
        ZEROTH_INLINE Real apply(const Real& w, const Real (&sum)[2], std::uint64_t, Count) const noexcept {
            return Lanes::product(w + sum[0], decay) + sum[1];
        }
        void finish() const noexcept {}
    };
};

template <class D, class B>
class InPlace::Weights {
  public:
    Weights(const InPlace&, std::span<const Block> blocks, const D& direction, const B& backend, double,
            std::size_t most_parts)
        : blocks_{blocks}, direction_{direction}, backend_{backend} {
        moves_.reserve(most_parts);
        decayed_moves_.reserve(most_parts);
    }

    /// One traversal. Returns how many traversals it made.
    int move(std::span<const Part> parts, const BaseMove& base) {
        if (base.decay == 1) {
            moves_.clear();
            for (const Part& part : parts) {
                moves_.push_back({part.key, {(part.enter - part.leave) + ScalarLanes::product(base.scale, part.gradient)}, part.block_scale});
            }
            backend_.traverse(blocks_, direction_, std::span<const Move<1>>{moves_}, Displace{});
        } else {
            decayed_moves_.clear();
            for (const Part& part : parts) {
                decayed_moves_.push_back(
                    {part.key, {-part.leave, part.enter + ScalarLanes::product(base.scale, part.gradient)}, part.block_scale});
            }
            backend_.traverse(blocks_, direction_, std::span<const Move<2>>{decayed_moves_},
                              DecayedDisplace{base.decay});
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
    std::vector<Move<2>> decayed_moves_;
};

ZEROTH_END_NAMESPACE
