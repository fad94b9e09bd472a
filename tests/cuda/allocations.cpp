#include "allocations.hpp"

#include <zeroth/cuda/directions.cuh>

#include <catch2/catch_test_macros.hpp>

#include <cstddef>
#include <span>
#include <vector>

namespace {

using namespace zeroth;

/// A device that is told what to do, and does nothing.
struct IdleDevice {
    template <class Task>
    void run(std::uint64_t, const Task&) const noexcept {}
    template <class Storage, class Operation, class Kernel>
    void traverse(const cuda::Launch<Operation>& launch, const Kernel&) const noexcept {
        static_cast<void>(launch.chunks());
    }
};

template <class D>
void check_allocations(D direction) {
    std::vector<float> w(100);
    const std::vector<Block> blocks{{"w", w.data(), ScalarType::float32, {hash_name("w"), 10, 10}, MemorySpace::device}};
    // As a cursor for two terms does.
    const std::size_t reserved = cuda::DeviceForm<D>::reserve(direction, std::span<const Block>{blocks}, 6);
    std::vector<std::byte> memory(reserved);
    std::size_t most = 0;
    const std::size_t before = allocations;
    for (std::uint64_t step = 0; step < 4; ++step) {
        const Move<1> moves[2] = {{Key{1, step, 0}, {1e-3}}, {Key{1, step, 1}, {1e-3}}};
        if constexpr (FormedDirection<D, std::span<const Block>>) {
            direction.form(moves[0].key);
            direction.form(moves[1].key);
        }
        cuda::traverse_on(static_cast<ScalarTypes<float>*>(nullptr), IdleDevice{}, std::span<const Block>{blocks}, direction,
                          std::span<const Move<1>>{moves}, Displace{}, [&](std::size_t bytes) {
                              most = bytes > most ? bytes : most;
                              return memory.data();
                          });
    }
    CHECK(allocations == before);
    CHECK(most <= reserved);
}

} // namespace

TEST_CASE("A traversal of a device takes no memory beyond what was reserved") {
    check_allocations(ReusePool{.refresh_every = 2});
    check_allocations(LfsrBank{.registers = 5, .register_bits = 5});
    check_allocations(MixedPool{});
    check_allocations(LowRank<2>{.refresh_every = 2});
    check_allocations(Masked{ReusePool{}, Bernoulli{}});
}
