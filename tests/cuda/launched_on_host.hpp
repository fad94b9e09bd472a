#pragma once

#include "backends/bit_equality.hpp"

#include <zeroth/cuda/directions.cuh>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace zeroth_test {

/// A device's traversal, its threads one after the other: for weights of one type.
template <class T>
struct LaunchedOnHost {
    using Types = ScalarTypes<T>;

    std::uint64_t grid = 3;
    unsigned threads = 128;

    [[nodiscard]] std::string name() const { return "launched on the host"; }

    template <class Task>
    void run(std::uint64_t count, const Task& task) const {
        for (std::uint64_t thread = 0; thread < count; ++thread) {
            task(thread);
        }
    }
    template <class Storage, class Operation, class Kernel>
    void traverse(const cuda::Launch<Operation>& launch, Kernel kernel) const {
        std::vector<float> shared;
        if constexpr (requires { kernel.shared(); }) {
            if (kernel.shared() != 0) {
                shared.resize(kernel.shared());
                for (unsigned thread = 0; thread < threads; ++thread) {
                    cuda::SharedNumbers::copy(shared.data(), kernel.numbers(), kernel.shared(), thread, threads);
                }
                kernel.numbers() = shared.data();
            }
        }
        const cuda::Worker<Storage, Kernel, Operation> worker{launch, kernel};
        for (std::uint64_t first = 0; first < grid; ++first) {
            for (unsigned thread = 0; thread < threads; ++thread) {
                worker.run(first, grid, thread, threads);
            }
        }
    }
    template <class D, class Operation>
    void traverse(std::span<const Block> blocks, const D& direction, std::span<const Move<Operation::coefficients>> moves,
                  const Operation& operation) const {
        std::vector<std::byte> memory;
        cuda::traverse_on(static_cast<Types*>(nullptr), *this, blocks, direction, moves, operation, [&](std::size_t bytes) {
            memory.resize(bytes);
            return memory.data();
        });
    }
    /// As a cursor has it: a direction keeps on a device what it can.
    template <class D>
    void reserve(D& direction, std::span<const Block> blocks, std::size_t max_keys) const {
        if constexpr (requires { direction.reserve(blocks, max_keys, StateAllocator{}); }) {
            direction.reserve(blocks, max_keys, StateAllocator{});
        }
        static_cast<void>(cuda::DeviceForm<D>::reserve(direction, blocks, max_keys));
    }
    template <class D>
    void form_factors(std::span<const Block> blocks, const D& direction, const Move<1>& move, double* factors) const {
        std::vector<std::int64_t> units(blocks.size(), -1);
        cuda::form_factors(*this, blocks, direction, move.philox, units.data(), factors);
    }
};

/// The same for blocks of a device's memory, which is the host's here.
template <class T>
struct DeviceOnHost : LaunchedOnHost<T> {
    static constexpr MemorySpace space = MemorySpace::device;
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
