// The Gaussian is a function of 32 bits that factorises: 2^16 radii, 2^15 angles and a sign. All of them are looked at.

#include <zeroth/directions/gaussian.hpp>

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <cmath>
#include <vector>

using namespace zeroth;

namespace {

/// ScalarLanes whose fused multiply-add rounds the exact product's sum to double first, as SIMD code without FMA units does.
struct DoubleRounding : ScalarLanes {
    static float fma(float a, float b, float c) {
        return static_cast<float>(static_cast<double>(a) * static_cast<double>(b) + static_cast<double>(c));
    }
};

constexpr std::uint32_t radii = 1u << 16;
constexpr std::uint32_t angles = 1u << 15;

double normal_cdf(double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); }

} // namespace

TEST_CASE("Without FMA units the polynomials have the same bits") {
    for (std::uint32_t r = 0; r < radii; ++r) {
        REQUIRE(Gaussian::radius<ScalarLanes>(r) == Gaussian::radius<DoubleRounding>(r));
    }
    for (std::uint32_t a = 0; a < angles; ++a) {
        float sine[2];
        float cosine[2];
        Gaussian::angle<ScalarLanes>(a << 16, sine[0], cosine[0]);
        Gaussian::angle<DoubleRounding>(a << 16, sine[1], cosine[1]);
        REQUIRE(sine[0] == sine[1]);
        REQUIRE(cosine[0] == cosine[1]);
    }
}

TEST_CASE("The polynomials are as close as documented, and moments are those of a normal") {
    double radius_2 = 0;
    double radius_4 = 0;
    double largest_radius = 0;
    for (std::uint32_t r = 0; r < radii; ++r) {
        const double radius = Gaussian::radius<ScalarLanes>(r);
        const double u = (r + 0.5) / radii;
        REQUIRE(std::abs(radius * radius - -2 * std::log(u) * (1 + 5.3e-6)) < 4e-5);
        radius_2 += radius * radius / radii;
        radius_4 += std::pow(radius, 4) / radii;
        largest_radius = std::max(largest_radius, radius);
    }
    double sine_1 = 0;
    double sine_2 = 0;
    double sine_4 = 0;
    double cosine_2 = 0;
    double cosine_4 = 0;
    for (std::uint32_t a = 0; a < angles; ++a) {
        float sine = 0;
        float cosine = 0;
        Gaussian::angle<ScalarLanes>(a << 16, sine, cosine);
        const double angle = 3.14159265358979323846 * ((a + 0.5) / angles - 0.5);
        REQUIRE(std::abs(sine - std::sin(angle)) < 1.5e-6);
        REQUIRE(std::abs(cosine - std::cos(angle)) < 8e-6);
        REQUIRE(cosine > 0);
        sine_1 += sine;
        sine_2 += static_cast<double>(sine) * sine / angles;
        cosine_2 += static_cast<double>(cosine) * cosine / angles;
        sine_4 += std::pow(sine, 4) / angles;
        cosine_4 += std::pow(cosine, 4) / angles;
    }
    CHECK(sine_1 == 0); // the cosine's sign is a random bit, so its mean is 0 too
    CHECK(std::abs(radius_2 * sine_2 - 1) < 2e-6);
    CHECK(std::abs(radius_2 * cosine_2 - 1) < 2e-6);
    CHECK(std::abs(radius_4 * sine_4 - 3) < 3e-4);
    CHECK(std::abs(radius_4 * cosine_4 - 3) < 3e-4);
    CHECK(largest_radius <= static_cast<double>(Gaussian::largest));
    CHECK(largest_radius > 4.85);
}

TEST_CASE("The Kolmogorov distance over all words is under 4e-6") {
    // P(r sin a <= x) summed over the sines, for each the fraction of radii below: exact up to the grid of x.
    std::vector<double> radius(radii);
    for (std::uint32_t r = 0; r < radii; ++r) {
        radius[r] = Gaussian::radius<ScalarLanes>(r);
    }
    std::sort(radius.begin(), radius.end());
    std::vector<double> sines;
    std::vector<double> cosines;
    for (std::uint32_t a = 0; a < angles; ++a) {
        float sine = 0;
        float cosine = 0;
        Gaussian::angle<ScalarLanes>(a << 16, sine, cosine);
        sines.push_back(std::abs(sine));
        cosines.push_back(cosine);
    }
    const auto below = [&](const std::vector<double>& factors, double x) { // P(|z| < x), x > 0
        double count = 0;
        for (const double factor : factors) {
            count += static_cast<double>(std::lower_bound(radius.begin(), radius.end(), x / factor) - radius.begin());
        }
        return count / (static_cast<double>(radii) * static_cast<double>(factors.size()));
    };
    double distance = 0;
    for (const double x : {0.01, 0.05, 0.1, 0.2, 0.35, 0.5, 0.6745, 0.8, 1.0, 1.2, 1.5, 1.8, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5}) {
        const double expected = 2 * normal_cdf(x) - 1;
        // Half of the two-sided difference is the one-sided one, by symmetry.
        distance = std::max({distance, std::abs(below(sines, x) - expected) / 2, std::abs(below(cosines, x) - expected) / 2});
    }
    WARN("Kolmogorov distance of the Gaussian: " << distance);
    CHECK(distance < 4e-6);
}
