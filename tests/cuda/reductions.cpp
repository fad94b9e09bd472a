// What a device gathers over the weights.

#include "cuda/launched_on_host.hpp"

#include <zeroth/backends/weight_scale.hpp>
#include <zeroth/directions/rademacher.hpp>

#include <cmath>
#include <limits>
#include <string>

using namespace zeroth_test;

namespace {

const std::vector<std::size_t> sizes{0, 1, 17, 2049, 8191, 8192, 20001};

template <class T, class D, class Operation>
void check_gathered(Operation (*make)(const Memory&), int count) {
    for (const std::size_t n : sizes) {
        INFO("elements " << n);
        const auto expected = run<T>(ReferenceOf<T>{}, D{}, n, count, make);
        CHECK(run<T>(LaunchedOnHost<T>{}, D{}, n, count, make) == expected);
        CHECK(run<T>(LaunchedOnHost<T>{1, 32}, D{}, n, count, make) == expected);
    }
}

/// Tensors of several sizes.
template <class T>
std::vector<Block> tensors(std::vector<T>& w) {
    std::vector<Block> blocks;
    std::size_t before = 0;
    for (std::size_t b = 0; before + 3 * (b % 250) <= w.size(); ++b) {
        const std::string name = "block " + std::to_string(b);
        blocks.push_back({name, w.data() + before, scalar_traits<T>::type, {hash_name(name), 3 * (b % 250), 1}});
        before += 3 * (b % 250);
    }
    return blocks;
}

template <class T>
void check_scale() {
    std::vector<T> w = weights<T>(400000);
    const std::vector<Block> blocks = tensors(w);
    REQUIRE(blocks.size() > cuda::Launch<LargestMagnitude, NoRay>::max_tensors(0));
    const WeightScale expected{blocks, ReferenceOf<T>{}};
    const WeightScale scale{blocks, LaunchedOnHost<T>{}};
    CHECK(scale.of_all == expected.of_all);
    for (std::size_t b = 0; b < blocks.size(); ++b) {
        REQUIRE(scale.of_block[b] == expected.of_block[b]);
    }
}

} // namespace

TEST_CASE("A device finds the largest magnitude of each tensor") {
    check_gathered<float, Rademacher>(make_largest, 0);
    check_gathered<double, Rademacher>(make_largest, 0);
    check_gathered<bfloat16, Rademacher>(make_largest, 0);
}

TEST_CASE("A device measures the weights' scale, of more tensors than a launch holds") {
    check_scale<float>();
    check_scale<bfloat16>();
}

TEST_CASE("What is not finite is found on a device, in its tensor") {
    std::vector<float> w = weights<float>(40000);
    std::vector<Block> blocks = tensors(w);
    for (const float poison : {std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::quiet_NaN()}) {
        const std::size_t at = blocks.size() - 2;
        float& spoilt = static_cast<float*>(blocks[at].data)[blocks[at].size() / 2];
        const float before = spoilt;
        spoilt = poison;
        std::vector<double> largest(blocks.size());
        LaunchedOnHost<float>{}.traverse(Traversal{std::span<const Block>{blocks}, LargestMagnitude{largest.data()}});
        spoilt = before;
        for (std::size_t b = 0; b < blocks.size(); ++b) {
            REQUIRE(std::isnan(largest[b]) == (b == at));
        }
    }
}
