#pragma once

#include <zeroth/ground/array.hpp>
#include <zeroth/ground/state_stream.hpp>
#include <zeroth/backends/backend.hpp>
#include <zeroth/backends/reductions.hpp>
#include <zeroth/parameters/parameters.hpp>
#include <zeroth/parameters/saved_blocks.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

ZEROTH_BEGIN_NAMESPACE

/// The root mean square of the weights of each block and of all of them: 0 where there is none, all NaN if a weight is not finite.
///
/// Each square is rounded to 2^-46 of the block's largest and the sum is exact, so every backend and number of threads gives the same bits.
/// Numbers beyond 2^-500 and 2^500 are out of its range. Measuring is two traversals, which read. Memory: 40 bytes a block.
/// Throws std::invalid_argument for blocks that lie where the backend does not reach.
struct WeightScale {
    Array<double> of_block{};
    double of_all = 0;
    /// The largest magnitude of each block; whoever moves the weights may add what they have moved by at most.
    Array<double> largest{};
    /// The first block with a weight that is not finite, or none.
    static constexpr std::size_t none = ~std::size_t{0};
    std::size_t not_finite = none;

    WeightScale() = default;
    /// Takes the memory, and measures nothing yet.
    explicit WeightScale(std::size_t blocks) : of_block(blocks), largest(blocks), units_(blocks) {}
    template <Backend B>
    WeightScale(std::span<const Block> blocks, const B& backend) : WeightScale(blocks.size()) {
        require_space(blocks, memory_space_of<B>, "the backend");
        measure(blocks, backend);
    }

    /// As the weights stand. Returns how many traversals it made.
    template <Backend B>
    std::uint64_t measure(std::span<const Block> blocks, const B& backend) {
        for (double& of : largest) {
            of = 0;
        }
        backend.traverse(Traversal{blocks, LargestMagnitude{largest.data()}});
        of_all = 0;
        not_finite = none;
        for (std::size_t b = 0; b < blocks.size(); ++b) {
            of_all += largest[b];
            units_[b] = SquaredUnits::of_largest(largest[b]);
            not_finite = not_finite == none && !std::isfinite(largest[b]) ? b : not_finite;
        }
        if (!std::isfinite(of_all)) {
            of_all = std::numeric_limits<double>::quiet_NaN();
            for (double& unknown : of_block) {
                unknown = of_all;
            }
            return 1;
        }
        backend.traverse(Traversal{blocks, SquaredWeights{units_.data()}});
        double squares = 0;
        double count = 0;
        for (std::size_t b = 0; b < blocks.size(); ++b) {
            const auto size = static_cast<double>(blocks[b].size());
            const double norm = units_[b].norm();
            squares += ScalarLanes::product(norm, norm);
            count += size;
            of_block[b] = size > 0 ? norm / std::sqrt(size) : 0;
        }
        of_all = count > 0 ? std::sqrt(squares / count) : 0;
        return 2;
    }

    void save(StateWriter& writer) const {
        writer.number("scale of all", of_all);
        for (std::size_t b = 0; b < of_block.size(); ++b) {
            writer.number("scale", of_block[b]);
            writer.number("largest", largest[b]);
        }
    }
    /// Whether it is still that of the blocks at hand: not if there are others.
    bool load(StateReader& reader, const SavedBlocks& saved) {
        of_all = reader.number<double>("scale of all");
        for (std::size_t k = 0; k < saved.size(); ++k) {
            const auto scale = reader.number<double>("scale");
            const auto of = reader.number<double>("largest");
            if (saved[k] != SavedBlocks::none) {
                of_block[saved[k]] = scale;
                largest[saved[k]] = of;
            }
        }
        return saved.known() == of_block.size() && saved.known() == saved.size();
    }

  private:
    Array<SquaredUnits> units_{};
};

ZEROTH_END_NAMESPACE
