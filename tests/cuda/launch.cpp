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

/// Tensors in a launch with one, two and eight keys, and keys at most.
template <class Operation, class R>
void check_room(std::size_t one, std::size_t two, std::size_t eight, std::size_t keys) {
    using What = cuda::Launch<Operation, R>;
    CHECK(What::max_tensors(1) == one);
    CHECK(What::max_tensors(2) == two);
    CHECK(What::max_tensors(8) == eight);
    CHECK(What::max_keys() == keys);
}

/// Rays of which every other key has a scale in each block.
template <class Rays>
struct EveryOtherScaled {
    const Rays& rays;
    const double* of_block;

    [[nodiscard]] auto ray(std::size_t k, std::size_t b) const noexcept { return rays.ray(k, b); }
    [[nodiscard]] const double* scales(std::size_t k) const noexcept { return k % 2 == 0 ? of_block : nullptr; }
};

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
    const Prepared<Gaussian, B> prepared{Gaussian{}, blocks, some_keys(3), some_rows(3, 1), backend};
    const EveryOtherScaled<PhiloxRays<Gaussian>> scaled{prepared.rays(), scales};
    auto moves = prepared.moves();
    moves.rays = RaysView<Gaussian::Ray>{scaled, 3};
    backend.traverse(Traversal{std::span<const Block>{blocks}, Displace{}, moves});
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
    const Prepared<Gaussian, LaunchedOnHost<float>> one{Gaussian{}, blocks, some_keys(1), some_rows(1, 1), {}};
    int launches = 0;
    cuda::for_each_launch<float>(std::span<const Block>{blocks}, Displace{}, one.moves(), [&](const auto& launch) {
        ++launches;
        CHECK(launch.chunks() == 100);
    });
    CHECK(launches == 1);
}

TEST_CASE("A launch holds as many tensors as there is room for with its keys") {
    using Plain = cuda::Launch<Displace, Gaussian::Ray>;
    STATIC_CHECK(sizeof(Plain) <= 32764);
    STATIC_CHECK(Plain::max_tensors(8, true) < Plain::max_tensors(8));
    STATIC_CHECK(Plain::max_tensors(Plain::max_keys()) == 1);
    STATIC_CHECK(Plain::max_tensors(Plain::max_keys() + 1) == 0);
    // docs/cuda.md
    check_room<UpdateInPlace<Descend<PlainStep>>, Gaussian::Ray>(406, 338, 168, 812);
    check_room<UpdateInPlace<Descend<PlainStep>>, TableRay>(369, 290, 126, 677);
    check_room<UpdateInPlace<Descend<PlainStep>>, cuda::DeviceSphereRay>(369, 290, 126, 677);
    check_room<UpdateInPlace<Descend<PlainStep>>, MaskedRay<Gaussian::Ray, Bernoulli::Ray>>(369, 290, 126, 677);
    check_room<UpdateInPlace<Descend<PlainStep>>, LowRankRay<2>>(338, 254, 101, 580);
    check_room<UpdateInPlace<Descend<PlainStep>>, MaskedRay<Gaussian::Ray, BitMask::Ray>>(338, 254, 101, 580);
    check_room<UpdateFrom<Descend<AdamStep>>, Gaussian::Ray>(312, 270, 149, 1011);
    std::vector<float> w(1);
    const std::vector<Block> blocks(1000, Block{"block", w.data(), ScalarType::float32, {0, 1, 1}});
    for (const std::size_t keys : {std::size_t{1}, std::size_t{8}, Plain::max_keys() - 3}) {
        const int count = static_cast<int>(keys);
        const Prepared<Gaussian, LaunchedOnHost<float>> prepared{Gaussian{}, blocks, some_keys(count), some_rows(count, 1), {}};
        std::size_t seen = 0;
        cuda::for_each_launch<float>(std::span<const Block>{blocks}, Displace{}, prepared.moves(), [&](const auto& launch) {
            const auto tensors = static_cast<std::size_t>(launch.tensors());
            seen += tensors;
            CHECK((tensors == Plain::max_tensors(keys) || seen == blocks.size()));
        });
        CHECK(seen == blocks.size());
    }
}

TEST_CASE("More moves than a launch holds are refused") {
    const auto most = static_cast<int>(cuda::Launch<Displace, Rademacher::Ray>::max_keys());
    CHECK(most >= 512);
    CHECK(run<float>(LaunchedOnHost<float>{}, Rademacher{}, 1, most, make_displace) ==
          run<float>(ReferenceOf<float>{}, Rademacher{}, 1, most, make_displace));
    CHECK_THROWS_AS(run<float>(LaunchedOnHost<float>{}, Rademacher{}, 1, most + 1, make_displace), std::invalid_argument);
}
