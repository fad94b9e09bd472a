// Compiled for a processor without fused multiply-adds: there the lanes emulate them in double.

#include <zeroth/random/scalar_lanes.hpp>

#include <catch2/catch_test_macros.hpp>

#include <bit>
#include <cmath>
#include <cstdint>

using namespace zeroth;

namespace {

#if defined(__FMA__)
#error "this file is to be compiled without FMA"
#endif

bool agrees(float a, float b, float c) {
    return std::bit_cast<std::uint32_t>(ScalarLanes::fma(a, b, c)) == std::bit_cast<std::uint32_t>(std::fma(a, b, c));
}

} // namespace

TEST_CASE("The emulated fused multiply-add rounds once") {
    std::uint32_t state = 1;
    const auto word = [&] {
        state = state * 1664525u + 1013904223u;
        return state ^ (state >> 15);
    };
    const auto number = [&](std::uint32_t exponents) {
        return std::bit_cast<float>((word() & 0x807FFFFFu) | ((127u - exponents / 2 + word() % exponents) << 23));
    };
    for (int i = 0; i < 1'000'000; ++i) {
        // Near each other, far apart, and with few bits, so that sums are exact ties.
        const std::uint32_t exponents = i % 3 == 0 ? 8 : 60;
        const std::uint32_t mask = i % 2 == 0 ? 0xFFFFFFFFu : 0xFFFFF000u;
        const auto cut = [&](float x) { return std::bit_cast<float>(std::bit_cast<std::uint32_t>(x) & mask); };
        REQUIRE(agrees(cut(number(exponents)), cut(number(exponents)), number(exponents)));
    }
    // Sums a hair beside a tie of float, which in double look like one.
    const float a = 1.0f + 0x1p-12f;
    for (int exponent = -30; exponent >= -100; --exponent) {
        for (const float sign : {1.0f, -1.0f}) {
            const float hair = sign * std::ldexp(1.0f, exponent);
            REQUIRE(agrees(a, a, hair));
            REQUIRE(agrees(-a, a, hair));
            REQUIRE(agrees(hair, 0x1p-20f, a * (1 + 0x1p-23f)));
            REQUIRE(agrees(hair, 1 + 0x1p-12f, 0x1p24f + 2));
        }
    }
    CHECK(agrees(0x1p70f, 0x1p70f, 1.0f));
    CHECK(agrees(0.0f, -1.0f, 0.0f));
    CHECK(agrees(3.0f, 5.0f, -15.0f));
}
