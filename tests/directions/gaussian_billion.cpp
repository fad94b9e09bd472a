// A billion numbers as the optimizer forms them: through traversals of a buffer, with the vectorised backend.

#include "prepared.hpp"

#include <zeroth/backends/simd.hpp>
#include <zeroth/backends/threads.hpp>
#include <zeroth/directions/gaussian.hpp>

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <cmath>
#include <vector>

using namespace zeroth;

namespace {

/// The share of all numbers beyond +-x, counted over every radius and angle there is.
double share_beyond(double x) {
    std::vector<double> factors;
    for (std::uint32_t a = 0; a < 32768; ++a) {
        float sine = 0;
        float cosine = 0;
        Gaussian::angle<ScalarLanes>(a << 16, sine, cosine);
        factors.push_back(std::abs(static_cast<double>(sine)));
        factors.push_back(std::abs(static_cast<double>(cosine)));
    }
    std::uint64_t count = 0;
    for (std::uint32_t r = 0; r < 65536; ++r) {
        const double radius = static_cast<double>(Gaussian::radius<ScalarLanes>(r));
        if (radius > x) {
            count += static_cast<std::uint64_t>(
                std::count_if(factors.begin(), factors.end(), [&](double factor) { return radius * factor > x; }));
        }
    }
    return static_cast<double>(count) / (65536.0 * static_cast<double>(factors.size()));
}

} // namespace

TEST_CASE("A billion Gaussian numbers have a normal's moments, distribution and tail") {
    constexpr std::size_t part = std::size_t{1} << 20;
    constexpr std::uint64_t parts = 954; // 1.0003e9 numbers
    constexpr int bins = 4096;           // of [-8, 8)
    std::vector<float> z(part);
    std::vector<std::uint64_t> histogram(bins);
    double sum[5] = {};
    std::uint64_t beyond = 0;
    Block block{"z", z.data(), ScalarType::float32, {42, part, 1}};
    const Threads<Simd<>> backend;
    for (std::uint64_t p = 0; p < parts; ++p) {
        std::fill(z.begin(), z.end(), 0.0f);
        zeroth_test::displace(backend, std::span<const Block>{&block, 1}, Gaussian{}, Key{2026, p, 0});
        double first = 0;
        double second = 0;
        double third = 0;
        double fourth = 0;
        for (const float number : z) {
            const double x = number;
            const double x2 = x * x;
            first += x;
            second += x2;
            third += x2 * x;
            fourth += x2 * x2;
            beyond += x2 > 4.5 * 4.5 ? 1 : 0;
            ++histogram[static_cast<std::size_t>((number + 8.0f) * (bins / 16.0f))];
        }
        sum[1] += first;
        sum[2] += second;
        sum[3] += third;
        sum[4] += fourth;
    }
    const double n = static_cast<double>(part) * static_cast<double>(parts);
    const double root = std::sqrt(n);
    CHECK(n >= 1e9);
    CHECK(std::abs(sum[1] / n) < 5 * 1 / root);
    CHECK(std::abs(sum[2] / n - 1) < 5 * std::sqrt(2.0) / root);
    CHECK(std::abs(sum[3] / n) < 5 * std::sqrt(15.0) / root);
    CHECK(std::abs(sum[4] / n - 3) < 5 * std::sqrt(96.0) / root);

    const double expected = n * share_beyond(4.5);
    INFO("beyond 4.5: " << beyond << ", expected " << expected);
    CHECK(std::abs(static_cast<double>(beyond) - expected) < 5 * std::sqrt(expected));
    CHECK(std::abs(share_beyond(4.5) / std::erfc(4.5 / std::sqrt(2.0)) - 1) < 0.25);
    CHECK(std::abs(share_beyond(4.0) / std::erfc(4.0 / std::sqrt(2.0)) - 1) < 0.05);
    CHECK(std::abs(share_beyond(3.0) / std::erfc(3.0 / std::sqrt(2.0)) - 1) < 0.005);

    double distance = 0;
    double below = 0;
    for (int b = 0; b < bins; ++b) {
        const double edge = -8 + 16.0 * b / bins;
        distance = std::max(distance, std::abs(below / n - 0.5 * std::erfc(-edge / std::sqrt(2.0))));
        below += static_cast<double>(histogram[static_cast<std::size_t>(b)]);
    }
    WARN("Kolmogorov distance of " << n << " numbers: " << distance << "; mean " << sum[1] / n << ", variance "
                                   << sum[2] / n << ", skew " << sum[3] / n << ", fourth moment " << sum[4] / n);
    // Of a perfect sample it exceeds 1.95 / sqrt(n) once in a thousand keys; 4e-6 is the transform's own.
    CHECK(distance < 1.95 / root + 4e-6);
}
