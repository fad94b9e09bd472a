/// bench_instructions KERNEL ELEMENTS: one traversal, for count.cmake to count its instructions. All of the program but the traversal is
/// the same for any number of elements up to 2^19.

#include "../../tests/prepared.hpp"

#include <zeroth/backends/simd.hpp>
#include <zeroth/directions/mixed_pool.hpp>
#include <zeroth/directions/reuse_pool.hpp>
#include <zeroth/zeroth.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string_view>
#include <vector>

namespace {

constexpr std::size_t most = std::size_t{1} << 19;

template <class Storage>
std::span<Storage> weights(std::size_t size) {
    static Storage all[most];
    return {all, size};
}

template <class Direction, class Storage, std::uint32_t Keys>
void displace(std::size_t size) {
    zeroth::Parameters parameters;
    parameters.add("weights", weights<Storage>(size));
    std::vector<zeroth::Key> keys;
    for (std::uint32_t k = 0; k < Keys; ++k) {
        keys.push_back({1, 2, k});
    }
    const zeroth::Simd<zeroth::WidestArch, zeroth::ScalarTypes<Storage>> backend;
    zeroth_test::traverse(backend, parameters.blocks(), Direction{}, keys, std::vector<double>(Keys, 1e-6), zeroth::Displace{});
}

void increment(std::size_t size) {
    for (float& weight : weights<float>(size)) {
        weight += 1e-6f;
    }
}

struct Kernel {
    std::string_view name;
    void (*run)(std::size_t size);
};
// Called through pointers, so that no compiler takes them for parts of main and, as those run once, for cold.
constexpr Kernel kernels[] = {
    {"increment", increment},
    {"reuse_pool", displace<zeroth::ReusePool, float, 1>},
    {"mixed_pool", displace<zeroth::MixedPool, float, 1>},
    {"rademacher", displace<zeroth::Rademacher, float, 1>},
    {"rademacher_2_keys", displace<zeroth::Rademacher, float, 2>},
    {"rademacher_8_keys", displace<zeroth::Rademacher, float, 8>},
    {"rademacher_bfloat16", displace<zeroth::Rademacher, zeroth::bfloat16, 1>},
    {"uniform", displace<zeroth::Uniform, float, 1>},
    {"gaussian", displace<zeroth::Gaussian, float, 1>},
    {"gaussian_2_keys", displace<zeroth::Gaussian, float, 2>},
    {"gaussian_bfloat16", displace<zeroth::Gaussian, zeroth::bfloat16, 1>},
};

} // namespace

int main(int count, char** arguments) {
    const std::size_t size = count == 3 ? std::strtoul(arguments[2], nullptr, 10) : 0;
    for (const Kernel& kernel : kernels) {
        if (size > 0 && size <= most && kernel.name == arguments[1]) {
            kernel.run(size);
            return EXIT_SUCCESS;
        }
    }
    std::fputs("usage: bench_instructions KERNEL ELEMENTS, as bench/instructions/count.cmake calls it\n", stderr);
    return EXIT_FAILURE;
}
