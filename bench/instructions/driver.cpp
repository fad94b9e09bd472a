/// driver KERNEL ELEMENTS: one traversal of float weights, for count.cmake to count its instructions. All of the program but the traversal is the
/// same for any number of elements up to 2^19.

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

template <class Direction, class Storage>
void displace(std::span<Storage> weights, std::uint32_t keys) {
    zeroth::Parameters parameters;
    parameters.add("weights", weights);
    std::vector<zeroth::Move<1>> moves;
    for (std::uint32_t k = 0; k < keys; ++k) {
        moves.push_back({zeroth::Key{1, 2, k}, {1e-6}});
    }
    Direction direction{};
    if constexpr (zeroth::FormedDirection<Direction, std::span<const zeroth::Block>>) {
        direction.reserve(parameters.blocks(), moves.size());
        for (const zeroth::Move<1>& move : moves) {
            direction.form(move.key);
        }
    }
    const zeroth::Simd<zeroth::WidestArch, zeroth::ScalarTypes<Storage>> backend;
    backend.traverse(parameters.blocks(), direction, std::span<const zeroth::Move<1>>{moves}, zeroth::Displace{});
}

void increment(std::span<float> weights) {
    for (float& weight : weights) {
        weight += 1e-6f;
    }
}

} // namespace

int main(int count, char** arguments) {
    if (count != 3) {
        return EXIT_FAILURE;
    }
    static float floats[std::size_t{1} << 19];
    static zeroth::bfloat16 halves[std::size_t{1} << 19];
    const std::string_view kernel{arguments[1]};
    const std::size_t size = std::strtoul(arguments[2], nullptr, 10);
    const std::span<float> x{floats, size};
    const std::span<zeroth::bfloat16> h{halves, size};
    if (kernel == "increment") {
        increment(x);
    } else if (kernel == "gaussian") {
        displace<zeroth::Gaussian>(x, 1);
    } else if (kernel == "gaussian_2_keys") {
        displace<zeroth::Gaussian>(x, 2);
    } else if (kernel == "rademacher") {
        displace<zeroth::Rademacher>(x, 1);
    } else if (kernel == "rademacher_2_keys") {
        displace<zeroth::Rademacher>(x, 2);
    } else if (kernel == "rademacher_8_keys") {
        displace<zeroth::Rademacher>(x, 8);
    } else if (kernel == "uniform") {
        displace<zeroth::Uniform>(x, 1);
    } else if (kernel == "reuse_pool") {
        displace<zeroth::ReusePool>(x, 1);
    } else if (kernel == "mixed_pool") {
        displace<zeroth::MixedPool>(x, 1);
    } else if (kernel == "gaussian_bfloat16") {
        displace<zeroth::Gaussian>(h, 1);
    } else if (kernel == "rademacher_bfloat16") {
        displace<zeroth::Rademacher>(h, 1);
    } else {
        std::fprintf(stderr, "driver: no kernel \"%s\"\n", arguments[1]);
        return EXIT_FAILURE;
    }
    return floats[size - 1] + static_cast<float>(halves[size - 1]) < 1 ? EXIT_SUCCESS : EXIT_FAILURE;
}
