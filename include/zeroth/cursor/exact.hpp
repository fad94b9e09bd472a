#pragma once

#include <zeroth/backends/backend.hpp>
#include <zeroth/backends/operation.hpp>
#include <zeroth/backends/reductions.hpp>
#include <zeroth/cursor/base_move.hpp>
#include <zeroth/cursor/term.hpp>
#include <zeroth/random/dither.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
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
/// q is the least with largest |w| < 2^21 q, displacements < 2^22 q there (float; 2^50 and 2^51 for double), and at least 2^-100 (2^-900).
/// When weights outgrow 2^22 q the grid is laid again, two to four times as coarse, which costs two to four traversals; weights that run away
/// stop at 2^125 (2^998). Memory: two numbers a block. Scalar types: float32, float64.
/// Throws std::invalid_argument for 16-bit blocks (their grid would be too coarse: use Snapshot), and when it takes weights over that are not
/// finite or beyond 2^123 (2^996).
/// Source: ours; after Dekker's splitting and pre-rounded summation.
struct Exact {
    static constexpr std::string_view name = "exact";
    /// Taking weights over changes them.
    static constexpr bool adjusts_weights = true;
    /// Whether an update that falls under the precision that weights are computed in is kept in the mean.
    static constexpr bool rounds_stochastically = true;

    template <class D, class B, class M>
    class Weights;

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

/// w <- w + sum [round_q(enter z) - round_q(leave z)].
struct DisplaceOnGrid {
    static constexpr int coefficients = 2;
    static constexpr int sums = 1;
    static constexpr bool writes = true;

    const double* quantum = nullptr;

    template <class Visitor>
    ZEROTH_HOST_DEVICE constexpr void for_each_table(Visitor& visit) {
        visit(quantum);
    }

    template <class Lanes, class Storage>
    struct Bound {
        using Compute = ComputeType<Storage>;
        using Real = typename Lanes::template Real<Compute>;

        Real magic;

        ZEROTH_HOST_DEVICE Bound(const DisplaceOnGrid& operation, const BlockView& block, std::size_t index) noexcept
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

/// base <- base + stochastic_round_q(increment(base, ...)), base = w - sum_0; then w <- base + sum_1.
template <BaseMove M>
struct UpdateOnGrid {
    static constexpr int coefficients = 2 + M::coefficients;
    static constexpr int scaled = 2 + M::scaled;
    static constexpr int sums = 2 + M::sums;
    static constexpr bool writes = true;

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
        LargestMagnitude::Seen<Lanes, Compute> seen{};
        double& result;

        ZEROTH_HOST_DEVICE Bound(const UpdateOnGrid& operation, const BlockView& block, std::size_t index) noexcept
            : magic{Lanes::template broadcast_real<Compute>(Exact::magic(operation.quantum[index], block.type))},
              limit{Lanes::template broadcast_real<Compute>(Exact::half_range(operation.quantum[index], block.type) -
                                                            operation.quantum[index])},
              end{Lanes::template broadcast_real<Compute>(2 * Exact::half_range(operation.quantum[index], block.type))},
              noise_scale{Lanes::template broadcast_real<Compute>(operation.quantum[index] * 0x1p-32)},
              dither{operation.move.key, block.identity}, move{operation.move, block, index},
              result{operation.largest[index]} {}

        ZEROTH_INLINE Real to_grid(const Real& x) const noexcept { return (x + magic) - magic; }
        /// x, or the end of [-bound, bound] that it lies beyond.
        ZEROTH_INLINE static Real between(const Real& x, const Real& bound) noexcept {
            return Lanes::larger(Lanes::smaller(x, bound), Lanes::template broadcast_real<Compute>(0) - bound);
        }

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
            const Real update = between(move.increment(base, sum + 2, element, count), limit);
            const Real noise = Lanes::product(
                Lanes::template widen<Compute>(Lanes::signed_to_float(dither.template words<Lanes>(element))), noise_scale);
            const Real moved = between(base + to_grid(update + noise), end);
            seen.see(moved);
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

template <class D, class B, class M>
class Exact::Weights {
  public:
    Weights(const Exact&, std::span<const Block> blocks, const D& direction, const B& backend, const Reach& reach,
            std::size_t max_parts)
        : blocks_{blocks}, direction_{direction}, backend_{backend}, reach_{reach}, quantum_(blocks.size(), 0.0),
          largest_(blocks.size(), 0.0) {
        for (const Block& block : blocks) {
            if (block.type != ScalarType::float32 && block.type != ScalarType::float64) {
                throw std::invalid_argument{"zeroth: block '" + block.name + "': restore policy Exact needs float32 or float64, not " +
                                            std::string{to_string(block.type)} + "; use Snapshot"};
            }
        }
        moves_.reserve(max_parts);
        update_moves_.reserve(max_parts);
        adopt();
    }

    int move(std::span<const Part<M::coefficients>> parts, const M* base) {
        int traversals = widen_for(parts);
        if (base == nullptr) {
            moves_.clear();
            for (const Part<M::coefficients>& part : parts) {
                moves_.push_back({part.key, {part.leave, part.enter}, part.block_scale});
            }
            backend_.traverse(blocks_, direction_, std::span<const Move<2>>{moves_}, DisplaceOnGrid{quantum_.data()});
            return traversals + 1;
        }
        if (outgrown_) {
            traversals += leave_and_lay(parts);
        }
        update_moves_.clear();
        for (const Part<M::coefficients>& part : parts) {
            Move<2 + M::coefficients>& move =
                update_moves_.emplace_back(Move<2 + M::coefficients>{part.key, {part.leave, part.enter}, part.block_scale});
            for (int i = 0; i < M::coefficients; ++i) {
                move.coefficient[2 + i] = part.gradient[i];
            }
        }
        for (double& largest : largest_) {
            largest = 0;
        }
        backend_.traverse(blocks_, direction_, std::span<const Move<2 + M::coefficients>>{update_moves_},
                          UpdateOnGrid<M>{quantum_.data(), largest_.data(), *base});
        for (std::size_t b = 0; b < blocks_.size(); ++b) {
            const double room = half_range(quantum_[b], blocks_[b].type);
            const bool can_grow = quantum_[b] < std::ldexp(1.0, largest_exponent(blocks_[b].type));
            outgrown_ = outgrown_ || (largest_[b] > room && can_grow);
        }
        return traversals + 1;
    }

    /// Takes the weights as they stand for the base, and lays the grid under them. Two traversals.
    int adopt() {
        measure();
        for (std::size_t b = 0; b < blocks_.size(); ++b) {
            const Block& block = blocks_[b];
            const int most = digits(block.type) - 3 + largest_exponent(block.type);
            if (!(largest_[b] <= std::ldexp(1.0, most))) {
                throw std::invalid_argument{"zeroth: block '" + block.name + "' holds a weight that is not finite, or beyond 2^" +
                                            std::to_string(most) + ": restore policy Exact cannot keep it"};
            }
        }
        lay();
        ++grids_;
        return 2;
    }
    [[nodiscard]] std::size_t bytes() const noexcept { return 2 * sizeof(double) * blocks_.size(); }
    /// The grid's step in each block.
    [[nodiscard]] std::span<const double> quanta() const noexcept { return quantum_; }
    /// Laid so far that differ, or were laid under weights which others may have changed.
    [[nodiscard]] std::uint64_t grids() const noexcept { return grids_; }

  private:
    void measure() {
        for (double& largest : largest_) {
            largest = 0;
        }
        backend_.traverse(blocks_, direction_, std::span<const Move<1>>{}, LargestMagnitude{largest_.data()});
    }

    /// Chooses each block's quantum by the measured weights and the reach, and rounds the weights to it. Whether a quantum changed.
    bool lay() {
        bool changed = false;
        for (std::size_t b = 0; b < blocks_.size(); ++b) {
            const ScalarType type = blocks_[b].type;
            int exponent = 0;
            std::frexp(2 * largest_[b] < reach_.in(b) ? reach_.in(b) : 2 * largest_[b], &exponent);
            exponent -= digits(type) - 2;
            exponent = exponent < min_exponent(type) ? min_exponent(type) : exponent;
            const double quantum = std::ldexp(1.0, exponent > largest_exponent(type) ? largest_exponent(type) : exponent);
            changed = changed || quantum != quantum_[b];
            quantum_[b] = quantum;
        }
        backend_.traverse(blocks_, direction_, std::span<const Move<1>>{}, LayGrid{quantum_.data()});
        outgrown_ = false;
        return changed;
    }

    static_assert(memory_space_of<B> == MemorySpace::host || !NormalisedDirection<D>,
                  "zeroth: Exact reads a normalised direction's norms on the host: on a device restore by Snapshot or InPlace");

    /// Makes room on the grid for a displacement larger than any before.
    int widen_for(std::span<const Part<M::coefficients>> parts) {
        double reach = 0;
        for (const Part<M::coefficients>& part : parts) {
            double largest = static_cast<double>(D::largest);
            if constexpr (NormalisedDirection<D>) {
                for (std::size_t b = 0; b < blocks_.size(); ++b) {
                    const double radius = std::sqrt(static_cast<double>(blocks_[b].size()));
                    double scaled = static_cast<double>(D::largest) * part.block_scale[b];
                    scaled = scaled < radius ? scaled : radius;
                    largest = largest < scaled ? scaled : largest;
                }
            }
            reach += std::abs(part.enter) * largest;
        }
        if (reach <= reach_.unscaled) {
            return 0;
        }
        reach_.unscaled = 2 * reach; // seldom again
        return leave_and_lay(parts);
    }

    /// Goes home, lays the grid anew, and comes back, since the grid may only change under the base.
    int leave_and_lay(std::span<const Part<M::coefficients>> parts) {
        int traversals = 0;
        bool displaced = false;
        moves_.clear();
        for (const Part<M::coefficients>& part : parts) {
            displaced = displaced || part.leave != 0;
            moves_.push_back({part.key, {part.leave, 0.0}, part.block_scale});
        }
        if (displaced) {
            backend_.traverse(blocks_, direction_, std::span<const Move<2>>{moves_}, DisplaceOnGrid{quantum_.data()});
            ++traversals;
        }
        measure();
        grids_ += lay() ? 1 : 0;
        traversals += 2;
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
    Reach reach_;
    std::vector<double> quantum_;
    std::vector<double> largest_;
    bool outgrown_ = false;
    std::uint64_t grids_ = 0;
    std::vector<Move<2>> moves_;
    std::vector<Move<2 + M::coefficients>> update_moves_;
};

ZEROTH_END_NAMESPACE
