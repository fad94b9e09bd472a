#pragma once

#include <zeroth/backends/reductions.hpp>
#include <zeroth/cursor/descend.hpp>
#include <zeroth/cursor/grid.hpp>
#include <zeroth/cursor/parts.hpp>
#include <zeroth/ground/setting.hpp>
#include <zeroth/parameters/block.hpp>
#include <zeroth/parameters/saved_blocks.hpp>

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
/// When weights outgrow 2^22 q, or before an update that may be over it (of a block of zeros, mostly), the grid is laid again, coarser, which
/// costs two to four traversals; weights that run away stop at 2^125 (2^998). Memory: three numbers a block. Scalar types: float32, float64.
/// Throws std::invalid_argument for 16-bit blocks (their grid would be too coarse: use Snapshot), and when it takes weights over that are not
/// finite or beyond 2^123 (2^996).
/// Source: ours; after Dekker's splitting and pre-rounded summation.
struct Exact {
    static constexpr std::string_view name = "exact";
    /// Taking weights over changes them.
    static constexpr bool adjusts_weights = true;
    static constexpr bool needs_left = true;
    /// Whether an update that falls under the precision that weights are computed in is kept in the mean.
    static constexpr bool rounds_stochastically = true;

    /// How far a weight may be moved at once, besides what the estimator's probes need; 0: no farther is foreseen. The grid is laid for it at
    /// first: for a rule that tries candidates (Conservative), which are refused beyond it, and for blocks of zeros, whose first updates would
    /// lay it anew. Up to twice a block's largest weight it costs nothing.
    double reach = 0;

    template <class M>
    class Weights;
};

template <class M>
class Exact::Weights {
  public:
    template <class At>
    Weights(const Exact& exact, const At& at, double reach, std::size_t)
        : reach_{reach}, candidates_{exact.reach}, quantum_(at.blocks.size(), 0.0), largest_(at.blocks.size(), 0.0),
          update_(at.blocks.size(), 0.0) {
        require_setting(exact.reach >= 0 && exact.reach < 0x1p122, "reach", exact.reach, "zero or positive, and under 2^122");
        for (const Block& block : at.blocks) {
            if (!Grid::Storages::hold(block.type)) {
                throw std::invalid_argument{"zeroth: block '" + block.name + "': restore policy Exact needs float32 or float64, not " +
                                            std::string{to_string(block.type)} + "; use Snapshot"};
            }
        }
    }

    template <class At>
    int move(const At& at, Parts& parts, const M* base) {
        at.prepare(parts);
        int traversals = widen_for(at, parts);
        if (base == nullptr) {
            displace(at, parts);
            return traversals + 1;
        }
        if (outgrown_) {
            traversals += leave_and_lay(at, parts);
        }
        largest_.assign(largest_.size(), 0.0);
        at.traverse(UpdateOnGrid<M>{quantum_.data(), largest_.data(), *base}, parts, Parts::leave);
        for (std::size_t b = 0; b < at.blocks.size(); ++b) {
            not_finite_ = not_finite_ == none && !std::isfinite(largest_[b]) ? b : not_finite_;
            const double room = Grid::half_range(quantum_[b], at.blocks[b].type);
            outgrown_ = outgrown_ || (largest_[b] > room && can_grow(at.blocks, b));
            update_[b] = 0; // it is made
        }
        return traversals + 1;
    }

    /// Lays a wider grid where a move of the base would be cut on this one, as far as there is one. Returns how many traversals it made.
    template <class At>
    int make_room(const At& at, const Parts& parts, const M& base, const StepBound& bound) {
        at.prepare(parts);
        double largest = 0;
        for (std::size_t k = 0; k < parts.size(); ++k) {
            const double of_key = at.rays.largest(k);
            largest = largest < of_key ? of_key : largest;
        }
        bool has_room = true;
        for (std::size_t b = 0; b < at.blocks.size(); ++b) {
            const BlockRate rate = base.of_block[b];
            const double change = std::abs(rate.scale) * bound.u(largest * at.rays.block_scale(b)) + std::abs(rate.shrink) * largest_[b];
            update_[b] = std::isfinite(change) ? change : 0; // of weights that are not finite nothing can be kept
            const double room = Grid::half_range(quantum_[b], at.blocks[b].type) - quantum_[b];
            has_room = has_room && (update_[b] <= room || !can_grow(at.blocks, b));
        }
        return has_room ? 0 : leave_and_lay(at, parts);
    }
    /// Whether the displacement that is entered is within each block's grid.
    template <class At>
    [[nodiscard]] bool holds(const At& at, const Parts& parts) const noexcept {
        const double displacement = entered(at, parts);
        for (std::size_t b = 0; b < at.blocks.size(); ++b) {
            if (displacement * at.rays.block_scale(b) > Grid::half_range(quantum_[b], at.blocks[b].type)) {
                return false;
            }
        }
        return true;
    }

    /// Takes the weights as they stand for the base, and lays the grid under them. Two traversals.
    template <class At>
    int adopt(const At& at) {
        measure(at);
        require_finite(at.blocks);
        not_finite_ = none;
        lay(at);
        ++grids_;
        return 2;
    }
    template <class At>
    void save(StateWriter& writer, const At& at, bool) const {
        writer.number("reach", reach_);
        writer.number<std::uint8_t>("outgrown", outgrown_ ? 1 : 0);
        writer.number("grids", grids_);
        for (std::size_t b = 0; b < at.blocks.size(); ++b) {
            writer.number("quantum", quantum_[b]);
            writer.number("largest", largest_[b]);
        }
    }
    /// The weights are on the saved grid. Throws std::runtime_error for a quantum that is no power of two.
    template <class At>
    void load(StateReader& reader, const At&, const SavedBlocks& saved, bool) {
        reach_ = reader.number<double>("reach");
        outgrown_ = reader.number<std::uint8_t>("outgrown") != 0;
        grids_ = reader.number<std::uint64_t>("grids");
        for (std::size_t k = 0; k < saved.size(); ++k) {
            const auto quantum = reader.number<double>("quantum");
            const auto largest = reader.number<double>("largest");
            int exponent = 0;
            if (!(quantum > 0 && std::frexp(quantum, &exponent) == 0.5)) {
                StateReader::fail("the state's 'quantum' is no power of two");
            }
            if (saved[k] != SavedBlocks::none) {
                quantum_[saved[k]] = quantum;
                largest_[saved[k]] = largest;
            }
        }
    }
    /// Lays the grid under blocks that the state did not have; the others' weights are on theirs, and stay.
    template <class At>
    void adopt_added(const At& at) {
        measure(at);
        require_finite(at.blocks);
        for (std::size_t b = 0; b < at.blocks.size(); ++b) {
            quantum_[b] = quantum_[b] != 0 ? quantum_[b] : quantum_for(at, b);
        }
        at.traverse(LayGrid{quantum_.data()});
    }
    [[nodiscard]] std::size_t bytes() const noexcept { return 3 * sizeof(double) * quantum_.size(); }
    /// The grid's step in each block.
    [[nodiscard]] std::span<const double> quanta() const noexcept { return quantum_; }
    /// Laid so far that differ, or were laid under weights which others may have changed.
    [[nodiscard]] std::uint64_t grids() const noexcept { return grids_; }
    /// The block in which an update has found a weight that is not finite, or none.
    static constexpr std::size_t none = ~std::size_t{0};
    [[nodiscard]] std::size_t not_finite() const noexcept { return not_finite_; }

  private:
    template <class At>
    void measure(const At& at) {
        largest_.assign(largest_.size(), 0.0);
        at.traverse(LargestMagnitude{largest_.data()});
    }

    /// Whether there is a coarser grid.
    [[nodiscard]] bool can_grow(std::span<const Block> blocks, std::size_t b) const noexcept {
        return quantum_[b] < std::ldexp(1.0, Grid::largest_exponent(blocks[b].type));
    }
    void require_finite(std::span<const Block> blocks) const {
        for (std::size_t b = 0; b < blocks.size(); ++b) {
            const int most = Grid::digits(blocks[b].type) - 3 + Grid::largest_exponent(blocks[b].type);
            if (!(largest_[b] <= std::ldexp(1.0, most))) {
                throw std::invalid_argument{"zeroth: block '" + blocks[b].name + "' holds a weight that is not finite, or beyond 2^" +
                                            std::to_string(most) + ": restore policy Exact cannot keep it"};
            }
        }
    }
    /// Of a block, by its measured weights and the reach.
    template <class At>
    [[nodiscard]] double quantum_for(const At& at, std::size_t b) const noexcept {
        const ScalarType type = at.blocks[b].type;
        double farthest = reach_ / static_cast<double>(at.rays.direction().largest) * at.rays.largest_in(b);
        for (const double other : {candidates_, 1.0625 * update_[b]}) {
            farthest = farthest < other ? other : farthest;
        }
        if (!std::isfinite(largest_[b])) { // there is nothing to keep
            return quantum_[b];
        }
        int exponent = 0;
        std::frexp(2 * largest_[b] < farthest ? farthest : 2 * largest_[b], &exponent);
        exponent -= Grid::digits(type) - 2;
        exponent = exponent < Grid::min_exponent(type) ? Grid::min_exponent(type) : exponent;
        return std::ldexp(1.0, exponent > Grid::largest_exponent(type) ? Grid::largest_exponent(type) : exponent);
    }

    /// Chooses each block's quantum by the measured weights and the reach, and rounds the weights to it. Whether a quantum changed.
    template <class At>
    bool lay(const At& at) {
        bool changed = false;
        for (std::size_t b = 0; b < at.blocks.size(); ++b) {
            const double quantum = quantum_for(at, b);
            changed = changed || quantum != quantum_[b];
            quantum_[b] = quantum;
        }
        at.traverse(LayGrid{quantum_.data()});
        outgrown_ = false;
        return changed;
    }

    /// Makes room on the grid for a displacement that it does not hold.
    template <class At>
    int widen_for(const At& at, const Parts& parts) {
        if (holds(at, parts)) {
            return 0;
        }
        reach_ = 2 * entered(at, parts); // seldom again
        return leave_and_lay(at, parts);
    }
    /// A weight's displacement at most, where a block's scale is 1.
    template <class At>
    [[nodiscard]] static double entered(const At& at, const Parts& parts) noexcept {
        double entered = 0;
        for (std::size_t k = 0; k < parts.size(); ++k) {
            entered += std::abs(parts[k][Parts::enter]) * at.rays.largest(k);
        }
        return entered;
    }

    /// From the displacement that is left to the one that is entered.
    template <class At>
    void displace(const At& at, Parts& parts) const {
        bool opposite = true;
        for (std::size_t k = 0; k < parts.size(); ++k) {
            opposite = opposite && parts[k][Parts::enter] == -parts[k][Parts::leave];
        }
        for (std::size_t k = parts.size(); !opposite && k-- > 0;) {
            const double leave = parts[k][Parts::leave];
            if (leave != 0 && parts[k][Parts::enter] != 0) { // each is rounded by itself
                parts.append(parts.keys()[k])[Parts::enter] = -leave;
            } else if (leave != 0) {
                parts[k][Parts::enter] = -leave;
            }
        }
        at.traverse(DisplaceOnGrid{quantum_.data(), opposite ? 2.0 : 1.0}, parts, Parts::enter);
    }

    /// Goes home, lays the grid anew, and comes back, since the grid may only change under the base.
    template <class At>
    int leave_and_lay(const At& at, const Parts& parts) {
        int traversals = 0;
        bool displaced = false;
        for (std::size_t k = 0; k < parts.size(); ++k) {
            displaced = displaced || parts[k][Parts::leave] != 0;
        }
        if (displaced) {
            at.traverse(DisplaceOnGrid{quantum_.data(), -1}, parts, Parts::leave);
            ++traversals;
        }
        measure(at);
        grids_ += lay(at) ? 1 : 0;
        traversals += 2;
        if (displaced) {
            at.traverse(DisplaceOnGrid{quantum_.data()}, parts, Parts::leave);
            ++traversals;
        }
        return traversals;
    }

    /// The largest displacement of one weight to be expected, where a block's scale is 1, and wherever it is.
    double reach_;
    double candidates_;
    std::vector<double> quantum_;
    std::vector<double> largest_;
    /// Of the move that is made, in each block.
    std::vector<double> update_;
    bool outgrown_ = false;
    std::uint64_t grids_ = 0;
    std::size_t not_finite_ = none;
};

ZEROTH_END_NAMESPACE
