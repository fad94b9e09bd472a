// The 16-bit scalars against their definition in double arithmetic: every pattern, and every place where rounding turns.

#include <zeroth/parameters/scalar16.hpp>

#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

using namespace zeroth;

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();

template <class T>
struct Format;
template <>
struct Format<bfloat16> {
    static constexpr int mantissa = 7;
    static constexpr int min_exponent = -126;
    static constexpr int largest_exponent = 127;
};
template <>
struct Format<float16> {
    static constexpr int mantissa = 10;
    static constexpr int min_exponent = -14;
    static constexpr int largest_exponent = 15;
};

template <class T>
T from_bits(std::uint32_t bits) {
    T x;
    x.bits = static_cast<std::uint16_t>(bits);
    return x;
}

/// What a pattern without its sign stands for, from the fields; infinity and NaN excluded.
template <class T>
double value_of(std::uint32_t magnitude) {
    using F = Format<T>;
    const auto field = static_cast<int>(magnitude >> F::mantissa);
    const std::uint32_t fraction = magnitude & ((1u << F::mantissa) - 1);
    const std::uint32_t whole = field == 0 ? fraction : fraction + (1u << F::mantissa);
    return std::ldexp(whole, (field == 0 ? 1 : field) - 1 + F::min_exponent - F::mantissa);
}

/// x rounded to the format, ties to even: nearbyint of x in units of the last place is exact in double.
template <class T>
double rounded(float x) {
    using F = Format<T>;
    if (x == 0 || std::isinf(x)) {
        return x;
    }
    const int exponent = std::max(std::ilogb(x), F::min_exponent);
    const double unit = std::ldexp(1.0, exponent - F::mantissa);
    const double result = std::nearbyint(static_cast<double>(x) / unit) * unit;
    return std::abs(result) < std::ldexp(1.0, F::largest_exponent + 1) ? result : std::copysign(HUGE_VAL, x);
}

template <class T>
bool rounds_as_defined(float x) {
    const T stored{x};
    if (std::isnan(x)) {
        return std::isnan(static_cast<float>(stored)) && (stored.bits >> 15) == (std::bit_cast<std::uint32_t>(x) >> 31);
    }
    return static_cast<double>(static_cast<float>(stored)) == rounded<T>(x) && (stored.bits >> 15 != 0) == std::signbit(x);
}

} // namespace

TEMPLATE_TEST_CASE("Every 16-bit pattern stands for the number its fields say, and converts back to itself", "", bfloat16,
                   float16) {
    constexpr std::uint32_t exponent_field = 0x7FFFu >> Format<TestType>::mantissa << Format<TestType>::mantissa;
    for (std::uint32_t bits = 0; bits < 65536; ++bits) {
        INFO("bits " << bits);
        const auto x = from_bits<TestType>(bits);
        const auto value = static_cast<float>(x);
        const std::uint32_t magnitude = bits & 0x7FFFu;
        REQUIRE(std::signbit(value) == (bits >> 15 != 0));
        if (magnitude > exponent_field) {
            REQUIRE(std::isnan(value));
            const TestType back{value};
            REQUIRE(std::isnan(static_cast<float>(back)));
            REQUIRE(back.bits >> 15 == bits >> 15);
            continue;
        }
        if (magnitude == exponent_field) {
            REQUIRE(std::isinf(value));
        } else {
            REQUIRE(std::abs(static_cast<double>(value)) == value_of<TestType>(magnitude));
        }
        REQUIRE(TestType{value}.bits == bits);
    }
}

TEMPLATE_TEST_CASE("Floats round to the nearest 16-bit number, ties to even", "", bfloat16, float16) {
    // Around the middle between every number and the next, where rounding turns.
    for (std::uint32_t bits = 0; bits < 0x7FFFu; ++bits) {
        const auto low = static_cast<float>(from_bits<TestType>(bits));
        const auto high = static_cast<float>(from_bits<TestType>(bits + 1));
        if (!std::isfinite(low) || !std::isfinite(high)) {
            continue;
        }
        const float middle = low + (high - low) / 2;
        for (const float x : {middle, std::nextafter(middle, 0.0f), std::nextafter(middle, infinity)}) {
            INFO("between " << low << " and " << high);
            REQUIRE(rounds_as_defined<TestType>(x));
            REQUIRE(rounds_as_defined<TestType>(-x));
        }
        // The definition used here is itself held to "ties to even" once.
        REQUIRE(TestType{middle}.bits == bits + bits % 2);
    }
    // Patterns from a full-period generator: all exponents, subnormals, infinities, NaN.
    std::uint32_t state = 7;
    for (int i = 0; i < 2'000'000; ++i) {
        state = state * 1664525u + 1013904223u;
        const float x = std::bit_cast<float>(state ^ (state >> 15));
        if (!rounds_as_defined<TestType>(x)) {
            INFO("pattern " << std::bit_cast<std::uint32_t>(x));
            REQUIRE(rounds_as_defined<TestType>(x));
        }
    }
}

TEST_CASE("Halves overflow to infinity from 65520 on, and vanish from half the least subnormal down") {
    CHECK(static_cast<float>(float16{std::nextafter(65520.0f, 0.0f)}) == 65504.0f);
    CHECK(static_cast<float>(float16{65520.0f}) == infinity);
    CHECK(static_cast<float>(float16{-65520.0f}) == -infinity);
    CHECK(float16{0x1p-25f}.bits == 0);
    CHECK(float16{-0x1p-25f}.bits == 0x8000u);
    CHECK(float16{std::nextafter(0x1p-25f, 1.0f)}.bits == 1);
    CHECK(static_cast<float>(bfloat16{std::numeric_limits<float>::max()}) == infinity);
}

#if defined(__FLT16_MANT_DIG__) && defined(__x86_64__)
TEST_CASE("Halves are the compiler's own _Float16") {
    std::uint32_t state = 3;
    for (int i = 0; i < 1'000'000; ++i) {
        state = state * 1664525u + 1013904223u;
        const float x = std::bit_cast<float>(0x30000000u + (state >> 2)); // 4e-10 to 3e5 and beyond
        REQUIRE(std::bit_cast<std::uint16_t>(static_cast<_Float16>(x)) == float16{x}.bits);
    }
}
#endif
