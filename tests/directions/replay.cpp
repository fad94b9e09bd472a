// Contract 1: z depends on the key, the block's identity and the element's index in it, and on nothing else.

#include "reference_of.hpp"

#include <zeroth/backends/threads.hpp>
#include <zeroth/cursor.hpp>
#include <zeroth/directions/gaussian.hpp>
#include <zeroth/directions/rademacher.hpp>
#include <zeroth/directions/sphere.hpp>
#include <zeroth/directions/uniform.hpp>

#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <cmath>
#include <map>
#include <span>
#include <string>
#include <vector>

using namespace zeroth;

namespace {

using FloatReference = zeroth_test::ReferenceOf<float>;

constexpr Key key{12, 34, 5};

/// Blocks by name and size, in any order: the directions a cursor puts into their zeros.
template <class D, class B>
std::map<std::string, std::vector<float>> formed(const std::vector<std::pair<std::string, std::size_t>>& blocks, const B& backend) {
    std::map<std::string, std::vector<float>> z;
    Parameters parameters;
    for (const auto& [name, size] : blocks) {
        z[name].assign(size, 0.0f);
        parameters.add(name, std::span{z[name]});
    }
    Cursor<D, Snapshot, B> cursor{parameters, D{}, Snapshot{}, backend, 1.0, 1};
    cursor.stand_at(Term{key, 1.0});
    const auto result = z; // before the cursor goes home
    return result;
}

} // namespace

TEMPLATE_TEST_CASE("A number depends on key, block and element alone", "", Gaussian, Rademacher, Uniform, Sphere) {
    const auto alone = formed<TestType>({{"a", 700}}, FloatReference{});
    const auto others = formed<TestType>({{"x", 33}, {"a", 700}, {"b", 700}, {"y", 5000}}, FloatReference{});
    const auto reversed = formed<TestType>({{"y", 5000}, {"b", 700}, {"a", 700}, {"x", 33}}, FloatReference{});
    const auto threaded = formed<TestType>({{"y", 5000}, {"a", 700}, {"x", 33}, {"b", 700}}, Threads<FloatReference>{{}, 3, 1});
    CHECK(others.at("a") == alone.at("a"));
    CHECK(reversed == others);
    CHECK(threaded == others);
    // The numbers a traversal forms are those of random access, taken in any order.
    for (const std::size_t i : {699u, 0u, 64u, 15u, 16u, 128u, 127u, 500u}) {
        CHECK(alone.at("a")[i] == TestType{}(key, BlockIdentity{hash_name("a"), 700, 1}, i));
    }
    // Blocks of one shape move differently: unlike in half of their signs, by 5 sigma.
    const std::vector<float>& a = others.at("a");
    const std::vector<float>& b = others.at("b");
    double unlike = 0;
    double product = 0;
    for (std::size_t i = 0; i < 700; ++i) {
        unlike += a[i] * b[i] < 0 ? 1 : 0;
        product += static_cast<double>(a[i]) * static_cast<double>(b[i]);
    }
    CHECK(std::abs(unlike - 350) < 5 * std::sqrt(175.0));
    CHECK(std::abs(product) < 5 * std::sqrt(700.0));
}

TEMPLATE_TEST_CASE("A number does not depend on how the block's elements are laid out in rows", "", Gaussian, Rademacher, Uniform,
                   Sphere) {
    for (std::uint64_t i = 0; i < 24; ++i) {
        CHECK(TestType{}(key, BlockIdentity{9, 24, 1}, i) == TestType{}(key, BlockIdentity{9, 4, 6}, i));
    }
}

TEMPLATE_TEST_CASE("A block that grows keeps the numbers it had", "", Gaussian, Rademacher, Uniform) {
    for (std::uint64_t i = 0; i < 300; ++i) {
        CHECK(TestType{}(key, BlockIdentity{9, 300, 1}, i) == TestType{}(key, BlockIdentity{9, 100'000, 7}, i));
    }
}

TEMPLATE_TEST_CASE("A tile repeats none of its numbers' words", "", Gaussian, Uniform) {
    // 2^14 numbers of 16 bits or more each: as many differ as do of independent ones, by 5 sigma.
    constexpr std::uint64_t n = 1 << 14;
    std::vector<float> z;
    for (std::uint64_t i = 0; i < n; ++i) {
        z.push_back(TestType{}(key, BlockIdentity{3, n, 1}, i));
    }
    std::sort(z.begin(), z.end());
    const auto distinct = static_cast<double>(std::unique(z.begin(), z.end()) - z.begin());
    // Of 2^16 equally likely values, n draws leave 2^16 (1 - e^(-n / 2^16)) different.
    CHECK(distinct > 65536 * (1 - std::exp(-0.25)) - 5 * 40);
}

TEST_CASE("Signs are one or minus one, and nothing else") {
    int positive = 0;
    for (std::uint64_t i = 0; i < 10'000; ++i) {
        const float z = Rademacher{}(key, BlockIdentity{3, 10'000, 1}, i);
        REQUIRE(std::abs(z) == 1.0f);
        positive += z > 0 ? 1 : 0;
    }
    CHECK(std::abs(positive - 5000) < 5 * 50);
}

TEST_CASE("All uniform numbers: evenly spaced, mean zero, variance one, within the bound") {
    double square = 0;
    double largest = 0;
    for (std::uint32_t k = 0; k < 65536; ++k) {
        // One half of a word in the low bits, the other in the high ones.
        std::uint32_t words[4] = {k | (k << 16), 0, 0, 0};
        float z[2];
        Uniform::next<ScalarLanes>(words, z);
        REQUIRE(z[0] == z[1]);
        REQUIRE(std::abs(z[0]) <= Uniform::largest);
        // In the order of the half word read as a signed number.
        const auto expected = std::sqrt(3 / 4294967295.0) * (2.0 * static_cast<std::int16_t>(k) + 1);
        REQUIRE(std::abs(static_cast<double>(z[0]) - expected) < 2e-7);
        // Each has its opposite, so the mean is exactly 0.
        std::uint32_t opposite[4] = {~(k | (k << 16)), 0, 0, 0};
        float minus_z[2];
        Uniform::next<ScalarLanes>(opposite, minus_z);
        REQUIRE(minus_z[0] == -z[0]);
        square += static_cast<double>(z[0]) * static_cast<double>(z[0]) / 65536;
        largest = std::max(largest, static_cast<double>(z[0]));
    }
    CHECK(std::abs(square - 1) < 1e-7);
    CHECK(largest > 0.9999998 * static_cast<double>(Uniform::largest));
}

TEST_CASE("A sphere's second moments are those of the unit matrix") {
    // Over fixed keys, for two elements of a small block: E z_i z_j = 1 if i = j, else 0.
    constexpr int keys = 20'000;
    const BlockIdentity block{5, 4, 1};
    double mean = 0;
    double square = 0;
    double cross = 0;
    for (std::uint64_t step = 0; step < keys; ++step) {
        const double a = static_cast<double>(Sphere{}(Key{1, step, 0}, block, 0));
        const double b = static_cast<double>(Sphere{}(Key{1, step, 0}, block, 3));
        REQUIRE(std::abs(a) <= 2.0001); // the radius
        mean += a / keys;
        square += a * a / keys;
        cross += a * b / keys;
    }
    // On a sphere in four dimensions, of radius 2: E z^4 = 3 * 16 / 24 = 2, E z_i^2 z_j^2 = 2/3.
    CHECK(std::abs(mean) < 5 / std::sqrt(double{keys}));
    CHECK(std::abs(square - 1) < 5 * std::sqrt(1.0 / keys));
    CHECK(std::abs(cross) < 5 * std::sqrt(2.0 / 3 / keys));
}
