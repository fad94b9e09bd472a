// Operations that have something of each tensor: a base, a grid, moments.

#include "cuda/launched_on_host.hpp"

#include <zeroth/directions/gaussian.hpp>
#include <zeroth/directions/rademacher.hpp>
#include <zeroth/updates/hizoo_sgd.hpp>

#include <string>
#include <utility>

using namespace zeroth_test;

namespace {

template <class T, class D, class Operation>
void check_launched(Operation (*make)(const Memory&), const std::vector<int>& counts) {
    for (const std::size_t n : {std::size_t{0}, std::size_t{1}, std::size_t{17}, std::size_t{2049}, std::size_t{8193}}) {
        for (const int count : counts) {
            INFO("elements " << n << ", moves " << count);
            CHECK(run<T>(LaunchedOnHost<T>{}, D{}, n, count, make) == run<T>(ReferenceOf<T>{}, D{}, n, count, make));
        }
    }
}

UpdateFrom<Descend<AdamStep>> make_adam_from(const Memory& memory) { return {memory.base, adam_of(memory)}; }
UpdateOnGrid<Descend<MomentumStep>> make_momentum_on_grid(const Memory& memory) {
    return {memory.quanta, memory.largest, momentum_of(memory)};
}

/// An update of HiZOO's, and the factors it leaves, of whole tiles for each tensor.
template <class T, class B>
std::pair<std::vector<unsigned char>, std::vector<float>> change_factors(const B& backend, std::size_t n) {
    const std::size_t begin[2] = {0, n + 32};
    std::vector<float> factors(2 * n + 64);
    for (std::size_t i = 0; i < factors.size(); ++i) {
        factors[i] = 0.5f + static_cast<float>(i % 13) / 8;
    }
    auto bytes = run<T>(n, [&](std::span<const Block> blocks, const Memory&) {
        traverse(backend, blocks, Rademacher{}, some_keys(2), some_rows(2, 4),
                 UpdateInPlace<Descend<HizooStep>>{some_rates.move(Key{1, 2, 3}, HizooStep{0.25, {factors.data(), begin}})});
    });
    return {std::move(bytes), std::move(factors)};
}
template <class T>
void check_factors() {
    for (const std::size_t n : {std::size_t{1}, std::size_t{17}, std::size_t{8193}}) {
        CHECK(change_factors<T>(LaunchedOnHost<T>{}, n) == change_factors<T>(ReferenceOf<T>{}, n));
    }
}

/// Rays of which the first key has a scale in each block.
struct FirstScaled {
    const PhiloxRays<Rademacher>& rays;
    const double* of_block;

    [[nodiscard]] Rademacher::Ray ray(std::size_t k, std::size_t b) const noexcept { return rays.ray(k, b); }
    [[nodiscard]] const double* scales(std::size_t k) const noexcept { return k == 0 ? of_block : nullptr; }
};

/// What Adam makes of more small tensors, and of their copies and moments, than a launch holds.
template <class B>
std::vector<float> many_tensors(const B& backend, bool scaled) {
    constexpr std::size_t count = 700;
    std::vector<float> w = weights<float>(count * (count - 1) / 2);
    std::vector<float> base = w;
    std::vector<std::byte*> bases;
    std::vector<Block> blocks;
    std::vector<double> scales;
    std::size_t before = 0;
    for (std::size_t b = 0; b < count; ++b) {
        const std::string name = "block " + std::to_string(b);
        blocks.push_back({name, w.data() + before, ScalarType::float32, {hash_name(name), b, 1}});
        bases.push_back(reinterpret_cast<std::byte*>(base.data() + before));
        scales.push_back(0.5 + static_cast<double>(b) / 64);
        before += b;
    }
    Moment mean{blocks};
    Moment square{blocks};
    const Prepared<Rademacher, B> prepared{Rademacher{}, blocks, some_keys(2), some_rows(2, 2), backend};
    const FirstScaled rays{prepared.rays(), scaled ? scales.data() : nullptr};
    auto moves = prepared.moves();
    moves.rays = RaysView<Rademacher::Ray>{rays, 2};
    for (int step = 0; step < 2; ++step) {
        backend.traverse(Traversal{std::span<const Block>{blocks},
                                   make_adam_from({bases.data(), nullptr, nullptr, nullptr, mean.place(), square.place()}), moves});
    }
    w.insert(w.end(), base.begin(), base.end());
    for (std::size_t b = 0; b < count; ++b) {
        const auto* const numbers = static_cast<const float*>(mean.of(b));
        w.insert(w.end(), numbers, numbers + b);
    }
    return w;
}

} // namespace

TEST_CASE("A device's threads read and write moments to the reference's bits") {
    check_launched<float, Gaussian>(make_momentum, {1, 3});
    check_launched<bfloat16, Rademacher>(make_momentum, {1});
    check_launched<float, Rademacher>(make_adam, {0, 2});
    check_launched<bfloat16, Rademacher>(make_adam, {1, 2});
    check_launched<double, Rademacher>(make_adam, {1});
}

TEST_CASE("A device's threads displace and update from a copy to the reference's bits") {
    check_launched<float, Gaussian>(make_displace_from, {0, 1, 3});
    check_launched<bfloat16, Rademacher>(make_displace_from, {1});
    check_launched<float, Rademacher>(make_update_from, {1, 2});
    check_launched<bfloat16, Rademacher>(make_update_from, {1, 2});
    check_launched<bfloat16, Rademacher>(make_adam_from, {1});
}

TEST_CASE("A device's threads keep to a grid and find the largest weight, to the reference's bits") {
    check_launched<float, Gaussian>(make_on_grid, {1, 3});
    check_launched<float, Gaussian>(make_update_on_grid, {0, 1, 3});
    check_launched<double, Rademacher>(make_update_on_grid, {2});
    check_launched<float, Rademacher>(make_momentum_on_grid, {2});
    check_launched<float, Rademacher>(make_lay, {0});
}

TEST_CASE("A device's threads change a direction's factors to the reference's bits") {
    check_factors<float>();
    check_factors<bfloat16>();
    check_factors<double>();
}

TEST_CASE("Tables of more tensors than a launch holds are each tensor's own") {
    using WithTables = cuda::Launch<UpdateFrom<Descend<AdamStep>>, Rademacher::Ray>;
    STATIC_CHECK(2 * WithTables::max_tensors(2) < 700);
    STATIC_CHECK(sizeof(WithTables) <= 32764);
    CHECK(many_tensors(LaunchedOnHost<float>{}, false) == many_tensors(ReferenceOf<float>{}, false));
    CHECK(many_tensors(LaunchedOnHost<float>{}, true) == many_tensors(ReferenceOf<float>{}, true));
}
