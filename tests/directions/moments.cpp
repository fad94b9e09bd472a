#include <zeroth/directions/gaussian.hpp>
#include <zeroth/directions/rademacher.hpp>
#include <zeroth/directions/sphere.hpp>
#include <zeroth/directions/uniform.hpp>

#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>

#include <cmath>
#include <vector>

using namespace zeroth;

namespace {

template <class D>
std::vector<double> numbers(const D& direction, const Key& key, const BlockIdentity& block, std::uint64_t n) {
    std::vector<double> z(n);
    for (std::uint64_t i = 0; i < n; ++i) {
        z[i] = direction(key, block, i);
    }
    return z;
}

double mean_product(const std::vector<double>& a, const std::vector<double>& b) {
    double sum = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        sum += a[i] * b[i];
    }
    return sum / static_cast<double>(a.size());
}

} // namespace

TEMPLATE_TEST_CASE("A direction has zero mean, unit variance, and stays in its bound", "", Gaussian, Rademacher, Uniform) {
    constexpr std::uint64_t n = 1 << 20;
    const BlockIdentity block{12345, n, 1};
    const std::vector<double> z = numbers(TestType{}, Key{3, 1, 4}, block, n);
    double mean = 0;
    double square = 0;
    double fourth = 0;
    double largest = 0;
    for (const double x : z) {
        mean += x / n;
        square += x * x / n;
        fourth += x * x * x * x / n;
        largest = std::max(largest, std::abs(x));
    }
    const double root = std::sqrt(static_cast<double>(n));
    CHECK(std::abs(mean) < 5 / root);
    CHECK(std::abs(square - 1) <= 5 * std::sqrt(std::max(fourth - square * square, 1e-14)) / root);
    CHECK(largest <= static_cast<double>(TestType::largest));
    CHECK(largest > 0.8 * static_cast<double>(TestType::largest));
}

TEMPLATE_TEST_CASE("Directions of different keys, blocks and elements are uncorrelated", "", Gaussian, Rademacher, Uniform) {
    constexpr std::uint64_t n = 1 << 18;
    const TestType direction;
    const BlockIdentity block{1, n, 1};
    const std::vector<double> z = numbers(direction, Key{1, 1, 0}, block, n);
    const double bound = 5 / std::sqrt(static_cast<double>(n));
    CHECK(std::abs(mean_product(z, numbers(direction, Key{2, 1, 0}, block, n))) < bound);
    CHECK(std::abs(mean_product(z, numbers(direction, Key{1, 2, 0}, block, n))) < bound);
    CHECK(std::abs(mean_product(z, numbers(direction, Key{1, 1, 1}, block, n))) < bound);
    CHECK(std::abs(mean_product(z, numbers(direction, Key{1, 1, 0}, BlockIdentity{2, n, 1}, n))) < bound);
    for (const std::size_t shift : {1u, 2u, 16u, 17u, 64u, 128u, 2048u}) {
        std::vector<double> shifted(z.begin() + static_cast<std::ptrdiff_t>(shift), z.end());
        shifted.insert(shifted.end(), z.begin(), z.begin() + static_cast<std::ptrdiff_t>(shift));
        INFO(shift);
        CHECK(std::abs(mean_product(z, shifted)) < bound);
    }
}

TEST_CASE("The high bits of seed, step, block and position all matter") {
    const Gaussian direction;
    const BlockIdentity block{1, std::uint64_t{1} << 40, 1};
    const float z = direction(Key{1, 1, 0}, block, 5);
    CHECK(direction(Key{1 + (std::uint64_t{1} << 40), 1, 0}, block, 5) != z);
    CHECK(direction(Key{1, 1 + (std::uint64_t{1} << 40), 0}, block, 5) != z);
    CHECK(direction(Key{1, 1, 0}, BlockIdentity{1 + (std::uint64_t{1} << 40), 1, 1}, 5) != z);
    CHECK(direction(Key{1, 1, 0}, block, 5 + (std::uint64_t{1} << 39)) != z);
    CHECK(direction(Key{1, 1, 0}, block, 5) == z);
}

TEST_CASE("A sphere's norm is the root of the block's size") {
    for (const std::uint64_t n : {16u, 100u, 1000u}) {
        const std::vector<double> z = numbers(Sphere{}, Key{1, 2, 3}, BlockIdentity{9, n, 1}, n);
        CHECK(std::abs(mean_product(z, z) - 1) < 0x1p-14);
        const std::vector<double> g = numbers(Gaussian{}, Key{1, 2, 3}, BlockIdentity{9, n, 1}, n);
        CHECK(std::abs(z[1] / g[1] - z[n - 1] / g[n - 1]) < 1e-6);
    }
}
