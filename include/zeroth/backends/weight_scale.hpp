#pragma once

#include <zeroth/array.hpp>
#include <zeroth/backends/backend.hpp>
#include <zeroth/backends/reductions.hpp>
#include <zeroth/parameters/parameters.hpp>

#include <cmath>
#include <cstddef>
#include <span>

ZEROTH_BEGIN_NAMESPACE

/// The root mean square of the weights of each block and of all of them; 0 where there is none.
///
/// Measuring is one traversal, which reads. To rounding: threads may change the last bits. Memory: 8 bytes a block.
struct WeightScale {
    Array<double> of_block{};
    double of_all = 0;

    WeightScale() = default;
    /// Takes the memory, and measures nothing yet.
    explicit WeightScale(std::size_t blocks) : of_block(blocks) {}
    template <Backend B>
    WeightScale(std::span<const Block> blocks, const B& backend) : of_block(blocks.size()) {
        measure(blocks, backend);
    }

    /// As the weights stand.
    template <Backend B>
    void measure(std::span<const Block> blocks, const B& backend) {
        for (double& squares : of_block) {
            squares = 0;
        }
        backend.traverse(blocks, Rademacher{}, std::span<const Move<1>>{}, SumOfSquares{of_block.data()});
        double squares = 0;
        double count = 0;
        for (std::size_t b = 0; b < blocks.size(); ++b) {
            const auto size = static_cast<double>(blocks[b].size());
            squares += of_block[b];
            count += size;
            of_block[b] = size > 0 ? std::sqrt(of_block[b] / size) : 0;
        }
        of_all = count > 0 ? std::sqrt(squares / count) : 0;
    }
};

ZEROTH_END_NAMESPACE
