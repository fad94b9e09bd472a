#pragma once

#include <zeroth/backends/operation.hpp>
#include <zeroth/backends/reductions.hpp>
#include <zeroth/cursor/term.hpp>
#include <zeroth/random/dither.hpp>

#include <cmath>
#include <cstddef>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

ZEROTH_BEGIN_NAMESPACE

/// Restore policy: the weights of a block are kept on a grid, the multiples of one power of two q, and every displacement is rounded to it.
///
/// All sums are then exact, so restoring gives back the bits with no second copy, and moves commute. Laying the grid changes
/// the weights once, by at most q / 2, about 4e-7 of the block's largest weight. An update is rounded to the grid stochastically
/// with bits of its own key: one of q / 100 moves one weight in a hundred.
/// q is the least with largest |w| <= 2^21 q and displacements <= 2^22 q (float; 2^50, 2^51 for double); when weights outgrow it the grid is laid
/// again, twice as coarse, which costs two traversals. Memory: two numbers a block. Scalar types: float32, float64.
/// Throws std::invalid_argument for 16-bit blocks (their grid would be too coarse: use Snapshot) and weights that are not finite.
/// Source: ours; after Dekker's splitting and pre-rounded summation.
struct Exact {
    static constexpr std::string_view name = "exact";

    template <class D, class B>
    class Weights;

    /// Significant bits of what a block is computed in.
    static constexpr int digits(ScalarType type) noexcept { return type == ScalarType::float64 ? 53 : 24; }
    /// x + magic - magic rounds x to the nearest multiple of the quantum, for |x| <= 2^(digits - 2) quanta.
    static double magic(double quantum, ScalarType type) noexcept { return std::ldexp(1.5 * quantum, digits(type) - 1); }
};

/// w <- w + sum [round_q(enter z) - round_q(leave z)].
struct DisplaceOnGrid {
    static constexpr int coefficients = 2;
    static constexpr int sums = 1;
    static constexpr bool writes = true;

    const double* quantum = nullptr;

    template <class Lanes, class Storage>
    struct Bound {
        using Compute = ComputeType<Storage>;
        using Real = typename Lanes::template Real<Compute>;

        Real magic;

        Bound(const DisplaceOnGrid& operation, const Block& block, std::size_t index) noexcept
            : magic{Lanes::template broadcast_real<Compute>(Exact::magic(operation.quantum[index], block.type))} {}

        ZEROTH_INLINE Real to_grid(const Real& x) const noexcept { return (x + magic) - magic; }

        template <bool First>
        ZEROTH_INLINE void accumulate(Real (&sum)[1], const Real& z, const Real (&coefficient)[2]) const noexcept {
            const Real part = to_grid(Lanes::product(coefficient[1], z)) - to_grid(Lanes::product(coefficient[0], z));
            if constexpr (First) {
                sum[0] = part;
            } else {
                sum[0] = sum[0] + part;
            }
        }
        template <class Count>
        ZEROTH_INLINE Real apply(const Real& w, const Real (&sum)[1], std::uint64_t, Count) const noexcept {
            return w + sum[0];
        }
        void finish() const noexcept {}
    };
};

/// base <- base + stochastic_round_q(g + (decay - 1) base) in place of w <- base + leave; then w <- base + enter.
struct UpdateOnGrid {
    static constexpr int coefficients = 3;
    static constexpr int sums = 3;
    static constexpr bool writes = true;

    const double* quantum = nullptr;
    double* largest = nullptr;
    double decay = 1;
    Key key;

    template <class Lanes, class Storage>
    struct Bound {
        using Compute = ComputeType<Storage>;
        using Real = typename Lanes::template Real<Compute>;

        Real magic;
        Real limit;
        Real noise_scale;
        Real shrink;
        Dither dither;
        LargestMagnitude::Seen<Lanes, Compute> seen{};
        double& result;

        Bound(const UpdateOnGrid& operation, const Block& block, std::size_t index) noexcept
            : magic{Lanes::template broadcast_real<Compute>(Exact::magic(operation.quantum[index], block.type))},
              limit{Lanes::template broadcast_real<Compute>(
                  std::ldexp(operation.quantum[index], Exact::digits(block.type) - 2) - operation.quantum[index])},
              noise_scale{Lanes::template broadcast_real<Compute>(operation.quantum[index] * 0x1p-32)},
              shrink{Lanes::template broadcast_real<Compute>(operation.decay - 1)}, dither{operation.key, block.identity},
              result{operation.largest[index]} {}

        ZEROTH_INLINE Real to_grid(const Real& x) const noexcept { return (x + magic) - magic; }

        template <bool First>
        ZEROTH_INLINE void accumulate(Real (&sum)[3], const Real& z, const Real (&coefficient)[3]) const noexcept {
            const Real part[3] = {to_grid(Lanes::product(coefficient[0], z)), Lanes::product(coefficient[1], z),
                                  to_grid(Lanes::product(coefficient[2], z))};
            ZEROTH_UNROLL
            for (int s = 0; s < 3; ++s) {
                if constexpr (First) {
                    sum[s] = part[s];
                } else {
                    sum[s] = sum[s] + part[s];
                }
            }
        }
        template <class Count>
        ZEROTH_INLINE Real apply(const Real& w, const Real (&sum)[3], std::uint64_t element, Count) noexcept {
            const Real base = w - sum[0];
            Real update = sum[1] + Lanes::product(shrink, base);
            update = Lanes::larger(Lanes::smaller(update, limit), Lanes::template broadcast_real<Compute>(0) - limit);
            const Real noise = Lanes::product(
                Lanes::template widen<Compute>(Lanes::signed_to_float(dither.template words<Lanes>(element))), noise_scale);
            const Real moved = base + to_grid(update + noise);
            seen.see(moved);
            return moved + sum[2];
        }
        void finish() const noexcept { seen.merge_into(result); }
    };
};

/// w <- round_q(w).
struct LayGrid {
    static constexpr int coefficients = 1;
    static constexpr int sums = 0;
    static constexpr bool writes = true;

    const double* quantum = nullptr;

    template <class Lanes, class Storage>
    struct Bound {
        using Real = typename Lanes::template Real<ComputeType<Storage>>;

        Real magic;

        Bound(const LayGrid& operation, const Block& block, std::size_t index) noexcept
            : magic{Lanes::template broadcast_real<ComputeType<Storage>>(
                  Exact::magic(operation.quantum[index], block.type))} {}

        template <bool First, class... Ignored>
        ZEROTH_INLINE void accumulate(const Ignored&...) const noexcept {}
        template <class Count>
        ZEROTH_INLINE Real apply(const Real& w, const Real (&)[1], std::uint64_t, Count) const noexcept {
            return (w + magic) - magic;
        }
        void finish() const noexcept {}
    };
};

template <class D, class B>
class Exact::Weights {
  public:
    Weights(const Exact&, std::span<const Block> blocks, const D& direction, const B& backend, double reach,
            std::size_t most_parts)
        : blocks_{blocks}, direction_{direction}, backend_{backend}, reach_{reach}, quantum_(blocks.size(), 0.0),
          largest_(blocks.size(), 0.0) {
        for (const Block& block : blocks) {
            if (block.type != ScalarType::float32 && block.type != ScalarType::float64) {
                throw std::invalid_argument{"zeroth: block '" + block.name + "': restore policy Exact needs float32 or float64, not " +
                                            std::string{to_string(block.type)} + "; use Snapshot"};
            }
        }
        moves_.reserve(most_parts);
        update_moves_.reserve(most_parts);
        adopt();
    }

    int move(std::span<const Part> parts, const BaseMove& base) {
        int traversals = widen_for(parts);
        if (base.decay == 1 && base.scale == 0) {
            moves_.clear();
            for (const Part& part : parts) {
                moves_.push_back({part.key, {part.leave, part.enter}, part.block_scale});
            }
            backend_.traverse(blocks_, direction_, std::span<const Move<2>>{moves_}, DisplaceOnGrid{quantum_.data()});
            return traversals + 1;
        }
        if (outgrown_) {
            traversals += leave_and_lay(parts);
        }
        update_moves_.clear();
        for (const Part& part : parts) {
            update_moves_.push_back({part.key, {part.leave, base.scale * part.gradient, part.enter}, part.block_scale});
        }
        for (double& largest : largest_) {
            largest = 0;
        }
        backend_.traverse(blocks_, direction_, std::span<const Move<3>>{update_moves_},
                          UpdateOnGrid{quantum_.data(), largest_.data(), base.decay, base.key});
        for (std::size_t b = 0; b < blocks_.size(); ++b) {
            outgrown_ = outgrown_ || !(largest_[b] <= std::ldexp(quantum_[b], digits(blocks_[b].type) - 2));
        }
        return traversals + 1;
    }

    /// Lays the grid under the weights as they stand: they are the base.
    int adopt() {
        for (double& largest : largest_) {
            largest = 0;
        }
        backend_.traverse(blocks_, direction_, std::span<const Move<1>>{}, LargestMagnitude{largest_.data()});
        for (std::size_t b = 0; b < blocks_.size(); ++b) {
            if (!std::isfinite(largest_[b])) {
                throw std::invalid_argument{"zeroth: block '" + blocks_[b].name + "' holds a weight that is not finite"};
            }
            int exponent = 0;
            const double range = 2 * largest_[b] < reach_ ? reach_ : 2 * largest_[b];
            std::frexp(range, &exponent);
            const int least = blocks_[b].type == ScalarType::float64 ? -900 : -100;
            exponent -= digits(blocks_[b].type) - 2;
            quantum_[b] = std::ldexp(1.0, exponent < least ? least : exponent);
        }
        backend_.traverse(blocks_, direction_, std::span<const Move<1>>{}, LayGrid{quantum_.data()});
        outgrown_ = false;
        return 2;
    }
    [[nodiscard]] std::size_t bytes() const noexcept { return 2 * sizeof(double) * blocks_.size(); }
    /// The grid's step in each block.
    [[nodiscard]] std::span<const double> quanta() const noexcept { return quantum_; }

  private:
    /// Makes room on the grid for a displacement larger than any before.
    int widen_for(std::span<const Part> parts) {
        double reach = 0;
        for (const Part& part : parts) {
            double largest = static_cast<double>(D::largest);
            for (std::size_t b = 0; part.block_scale != nullptr && b < blocks_.size(); ++b) {
                double scaled = static_cast<double>(D::largest) * part.block_scale[b];
                if constexpr (NormalisedDirection<D>) {
                    const double radius = std::sqrt(static_cast<double>(blocks_[b].size()));
                    scaled = scaled < radius ? scaled : radius;
                }
                largest = largest < scaled ? scaled : largest;
            }
            reach += std::abs(part.enter) * largest;
        }
        if (reach <= reach_) {
            return 0;
        }
        reach_ = 2 * reach; // seldom again
        return leave_and_lay(parts);
    }

    /// Goes home, lays the grid anew, and comes back, since the grid may only change under the base.
    int leave_and_lay(std::span<const Part> parts) {
        int traversals = 0;
        bool displaced = false;
        moves_.clear();
        for (const Part& part : parts) {
            displaced = displaced || part.leave != 0;
            moves_.push_back({part.key, {part.leave, 0.0}, part.block_scale});
        }
        if (displaced) {
            backend_.traverse(blocks_, direction_, std::span<const Move<2>>{moves_}, DisplaceOnGrid{quantum_.data()});
            ++traversals;
        }
        traversals += adopt();
        if (displaced) {
            for (Move<2>& move : moves_) {
                const double coefficient = move.coefficient[0];
                move.coefficient[0] = 0;
                move.coefficient[1] = coefficient;
            }
            backend_.traverse(blocks_, direction_, std::span<const Move<2>>{moves_}, DisplaceOnGrid{quantum_.data()});
            ++traversals;
        }
        return traversals;
    }

    std::span<const Block> blocks_;
    const D& direction_;
    const B& backend_;
    double reach_;
    std::vector<double> quantum_;
    std::vector<double> largest_;
    bool outgrown_ = false;
    std::vector<Move<2>> moves_;
    std::vector<Move<3>> update_moves_;
};

ZEROTH_END_NAMESPACE
