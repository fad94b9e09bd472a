#include "cuda/launched_on_host.hpp"

#include <zeroth/directions/gaussian.hpp>
#include <zeroth/directions/rademacher.hpp>
#include <zeroth/directions/uniform.hpp>

#include <string>

using namespace zeroth_test;

namespace {

/// Around registers, tiles and chunks.
const std::vector<std::size_t> device_sizes{0, 1, 3, 4, 7, 16, 17, 127, 129, 513, 2049, 8191, 8192, 8193, 40001};

template <class T, class D, class Operation>
void check_launched(Operation (*make)(const Memory&), const std::vector<std::size_t>& sizes, const std::vector<int>& counts) {
    for (const std::size_t n : sizes) {
        for (const int count : counts) {
            INFO("elements " << n << ", moves " << count);
            CHECK(run<T>(LaunchedOnHost<T>{}, D{}, n, count, make) == run<T>(ReferenceOf<T>{}, D{}, n, count, make));
        }
    }
}

/// A traversal of many small tensors: what the weights are then.
template <class B>
std::vector<float> many_tensors(const B& backend, const double* scales) {
    constexpr std::size_t count = 600;
    std::vector<float> w = weights<float>(count * (count - 1) / 2);
    std::vector<Block> blocks;
    std::size_t before = 0;
    for (std::size_t b = 0; b < count; ++b) {
        const std::string name = "block " + std::to_string(b);
        blocks.push_back({name, w.data() + before, ScalarType::float32, {hash_name(name), b, 1}});
        before += b;
    }
    std::vector<Move<1>> all = moves<1>(3);
    all[0].block_scale = scales;
    all[2].block_scale = scales;
    backend.traverse(std::span<const Block>{blocks}, Gaussian{}, std::span<const Move<1>>{all}, Displace{});
    return w;
}

} // namespace

TEST_CASE("A device's threads displace weights to the reference's bits") {
    check_launched<float, Gaussian>(make_displace, device_sizes, {0, 1, 2, 5});
    check_launched<double, Gaussian>(make_displace, few_sizes, {1, 3});
    check_launched<bfloat16, Gaussian>(make_displace_base, few_sizes, {0, 1, 3});
    check_launched<float16, Gaussian>(make_displace_base, few_sizes, {1, 2});
    check_launched<float, Rademacher>(make_displace, device_sizes, {1, 2, 5});
    check_launched<bfloat16, Rademacher>(make_displace_base, few_sizes, {1, 3});
    check_launched<float, Uniform>(make_displace, device_sizes, {1, 3});
}

TEST_CASE("A device's threads update weights to the reference's bits") {
    check_launched<float, Gaussian>(make_update_in_place, few_sizes, {0, 1, 2, 5});
    check_launched<bfloat16, Gaussian>(make_update_in_place, few_sizes, {1, 3});
    check_launched<float, Rademacher>(make_sign, few_sizes, {1, 2});
    check_launched<float, Gaussian>(make_windowed_adam, few_sizes, {3});
}

TEST_CASE("Neither the grid nor the number of threads changes a bit") {
    const auto expected = run<float>(ReferenceOf<float>{}, Gaussian{}, 40001, 2, make_displace);
    CHECK(run<float>(LaunchedOnHost<float>{1, 1}, Gaussian{}, 40001, 2, make_displace) == expected);
    CHECK(run<float>(LaunchedOnHost<float>{7, 96}, Gaussian{}, 40001, 2, make_displace) == expected);
}

TEST_CASE("Many tensors go in few launches, with a scale of their own or not") {
    std::vector<double> scales(600);
    for (std::size_t b = 0; b < scales.size(); ++b) {
        scales[b] = 0.5 + static_cast<double>(b) / 64;
    }
    CHECK(many_tensors(LaunchedOnHost<float>{}, nullptr) == many_tensors(ReferenceOf<float>{}, nullptr));
    CHECK(many_tensors(LaunchedOnHost<float>{}, scales.data()) == many_tensors(ReferenceOf<float>{}, scales.data()));
    std::vector<float> w(8);
    std::vector<Block> blocks;
    for (int b = 0; b < 200; ++b) {
        blocks.push_back({"block", w.data(), b % 2 == 0 ? ScalarType::float32 : ScalarType::bfloat16, {0, 8, 1}});
    }
    const std::vector<Move<1>> one = moves<1>(1);
    int launches = 0;
    cuda::for_each_launch<float>(std::span<const Block>{blocks}, std::span<const Move<1>>{one}, Displace{}, [&](const auto& launch) {
        ++launches;
        CHECK(launch.chunks() == 100);
    });
    CHECK(launches == 1);
}

TEST_CASE("More moves than a launch holds are refused") {
    CHECK_NOTHROW(run<float>(LaunchedOnHost<float>{}, Rademacher{}, 1, 512, make_displace));
    CHECK_THROWS_AS(run<float>(LaunchedOnHost<float>{}, Rademacher{}, 1, 513, make_displace), std::invalid_argument);
}
