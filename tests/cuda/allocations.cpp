#include "allocations.hpp"

#include <zeroth/cuda/directions.cuh>
#include <zeroth/cuda/launches.cuh>
#include <zeroth/directions/masked.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstddef>
#include <new>
#include <span>
#include <vector>

namespace {

using namespace zeroth;

/// A device that is told what to do, and does nothing.
struct IdleDevice {
    template <class D>
    using Rays = cuda::DeviceRays<D>;

    template <class Task>
    void run(std::uint64_t, const Task&) const noexcept {}
    template <class Storage, class Operation, Ray R>
    void launch(const cuda::Launch<Operation, R>& launch) const noexcept {
        static_cast<void>(launch.chunks());
    }
};

/// The device's memory is taken by new, too.
template <class D>
void check_allocations(const D& direction) {
    std::vector<float> w(100);
    const std::vector<Block> blocks{{"w", w.data(), ScalarType::float32, {hash_name("w"), 10, 10}, {.space = MemorySpace::device}}};
    // As a cursor for two terms does.
    using Rays = RaysOf<D, IdleDevice>;
    Rays rays{direction, blocks, 6, IdleDevice{}};
    const double coefficients[2] = {1e-3, 1e-3};
    const std::size_t reserved = rays.bytes();
    const std::size_t before = allocations;
    for (std::uint64_t step = 0; step < 4; ++step) {
        const Key keys[2] = {{1, step, 0}, {1, step, 1}};
        rays.prepare(keys, blocks, IdleDevice{});
        const Moves<RayIn<Rays>> moves{RaysView<RayIn<Rays>>{rays, 2}, coefficients, 1};
        cuda::traverse_on(static_cast<ScalarTypes<float>*>(nullptr), IdleDevice{}, Traversal{std::span<const Block>{blocks}, Displace{}, moves});
    }
    CHECK(allocations == before);
    CHECK(rays.bytes() == reserved);
}

} // namespace

TEST_CASE("A traversal of a device takes no memory beyond what was reserved") {
    check_allocations(ReusePool{.refresh_every = 2});
    check_allocations(LfsrBank{.registers = 5, .register_bits = 5});
    check_allocations(MixedPool{});
    check_allocations(LowRank<2>{.refresh_every = 2});
    check_allocations(Sphere{});
    check_allocations(Masked{ReusePool{}, Bernoulli{}});
}

TEST_CASE("What traversals form numbers in stays where there is no memory for more") {
    static int left = 1;
    StateAllocator allocator;
    allocator.allocate = [](const StateAllocator&, std::size_t bytes) -> void* {
        if (left-- == 0) {
            throw std::bad_alloc{};
        }
        return ::operator new(bytes);
    };
    cuda::FormedAnew<int> formed{allocator, 8, 3, 2};
    formed.prepare(3, [](std::size_t k) { return static_cast<int>(k % 2); });
    CHECK(formed.size() == 2);
    CHECK(formed.of(0) == formed.of(2));
    CHECK(formed.of(1) == formed.of(0) + 8);
    const float* const before = formed.of(0);
    CHECK_THROWS_AS(formed.prepare(3, [](std::size_t k) { return static_cast<int>(k); }), std::bad_alloc);
    formed.prepare(2, [](std::size_t k) { return static_cast<int>(k) + 5; });
    CHECK(formed.of(0) == before);
    CHECK(formed.name(1) == 6);
    CHECK(formed.bytes() == 2 * 8 * sizeof(float));
}
