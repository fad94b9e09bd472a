#pragma once

#include "backends/bit_equality.hpp"

#include <zeroth/cuda/directions.cuh>
#include <zeroth/cuda/launches.cuh>
#include <zeroth/cuda/worker.cuh>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace zeroth_test {

/// A device's traversal, its threads one after the other: for weights of one type.
template <class T>
struct LaunchedOnHost {
    using Types = ScalarTypes<T>;
    template <class D>
    using Rays = cuda::DeviceRays<D>;

    std::uint64_t grid = 3;
    unsigned threads = 128;

    [[nodiscard]] std::string name() const { return "launched on the host"; }

    template <class Task>
    void run(std::uint64_t count, const Task& task) const {
        for (std::uint64_t thread = 0; thread < count; ++thread) {
            task(thread);
        }
    }
    template <class Storage, class Operation, Ray R>
    void launch(const cuda::Launch<Operation, R>& launch) const {
        std::vector<float> shared(launch.shared().count);
        for (unsigned thread = 0; thread < threads; ++thread) {
            launch.shared().copy(shared.data(), thread, threads);
        }
        const cuda::Worker<Storage, Operation, R> worker{launch, shared.empty() ? nullptr : shared.data()};
        for (std::uint64_t first = 0; first < grid; ++first) {
            for (unsigned thread = 0; thread < threads; ++thread) {
                worker.run(first, grid, thread, threads);
            }
        }
    }
    template <class Operation, Ray R>
    void traverse(const Traversal<Operation, R>& traversal) const {
        cuda::traverse_on(static_cast<Types*>(nullptr), *this, traversal);
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
    template <class Operation, Ray R>
    void traverse(const Traversal<Operation, R>& traversal) const noexcept {
        for (std::size_t b = 0; b < traversal.blocks.size(); ++b) {
            visit_range<Lanes, Types>(traversal, b, 0, traversal.blocks[b].size());
        }
    }
};

} // namespace zeroth_test
