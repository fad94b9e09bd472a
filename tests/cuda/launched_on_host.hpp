#pragma once

#include "backends/bit_equality.hpp"

#include <zeroth/cuda/launch.cuh>

#include <cstdint>

namespace zeroth_test {

/// A device's traversal, its threads one after the other: for weights of one type.
template <class T>
struct LaunchedOnHost {
    using Types = ScalarTypes<T>;

    std::uint64_t grid = 3;
    unsigned threads = 128;

    [[nodiscard]] std::string name() const { return "launched on the host"; }
    template <class D, class Operation>
    void traverse(std::span<const Block> blocks, const D& direction, std::span<const Move<Operation::coefficients>> moves,
                  const Operation& operation) const {
        using Own = OperationOn<Operation, T>;
        static_assert(cuda::is_whole<D> && cuda::is_whole<Operation>);
        cuda::for_each_launch<T>(blocks, moves, Own::of(operation), [&](const auto& launch) {
            const cuda::Worker<T, D, typename Own::type> worker{launch, direction};
            for (std::uint64_t first = 0; first < grid; ++first) {
                for (unsigned thread = 0; thread < threads; ++thread) {
                    worker.run(first, grid, thread, threads);
                }
            }
        });
    }
};

/// A backend of the host's on a device's lanes.
template <class T, int Width>
struct OnLanes {
    using Lanes = cuda::Lanes<Width>;
    using Types = ScalarTypes<T>;

    [[nodiscard]] std::string name() const { return "a device's lanes"; }
    template <class D, class Operation>
    void traverse(std::span<const Block> blocks, const D& direction, std::span<const Move<Operation::coefficients>> moves,
                  const Operation& operation) const noexcept {
        for (std::size_t b = 0; b < blocks.size(); ++b) {
            visit_range<Lanes, Types>(blocks[b], b, 0, blocks[b].size(), direction, moves, operation);
        }
    }
};

} // namespace zeroth_test
