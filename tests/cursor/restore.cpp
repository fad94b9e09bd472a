// What each policy promises of the way home.

#include <zeroth/cursor.hpp>
#include <zeroth/directions/gaussian.hpp>
#include <zeroth/directions/rademacher.hpp>

#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>

#include <cmath>
#include <cstring>
#include <limits>
#include <span>
#include <vector>

using namespace zeroth;

namespace {

template <class T>
std::vector<T> weights(std::size_t n) {
    std::vector<T> w(n);
    for (std::size_t i = 0; i < n; ++i) {
        w[i] = T(static_cast<float>(static_cast<int>(i * 7919 % 1009) - 504) * 0.00004f);
    }
    return w;
}

template <class T>
bool same_bits(const std::vector<T>& a, const std::vector<T>& b) {
    return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0;
}

/// Significant bits of a stored number.
template <class T>
constexpr int digits = std::numeric_limits<T>::digits;
template <>
inline constexpr int digits<bfloat16> = 8;
template <>
inline constexpr int digits<float16> = 11;

/// A place to stand that differs from move to move: none to three terms.
std::vector<Term> place(int move) {
    std::vector<Term> terms;
    for (int k = 0; k < move % 4; ++k) {
        const auto query = static_cast<std::uint32_t>(k);
        terms.push_back({Key{3, static_cast<std::uint64_t>(move / 2), query}, (k % 2 == 0 ? 1e-3 : -7e-4) * (1 + move % 3)});
    }
    return terms;
}

} // namespace

TEMPLATE_TEST_CASE("A snapshot gives back every bit, whatever was stored", "", float, double, bfloat16, float16) {
    std::vector<TestType> w = weights<TestType>(700);
    w[0] = TestType(std::numeric_limits<float>::quiet_NaN());
    w[1] = TestType(-std::numeric_limits<float>::infinity());
    w[2] = TestType(-0.0f);
    w[3] = TestType(6e-8f); // a half's least subnormal
    w[4] = TestType(60000.0f);
    const std::vector<TestType> start = w;
    Parameters parameters;
    parameters.add("w", std::span{w});
    Cursor<Gaussian, Snapshot> cursor{parameters, Gaussian{}, Snapshot{}, Reference{}, 5e-3, 3};
    CHECK(cursor.state_bytes() == sizeof(TestType) * 700);
    for (int move = 0; move < 200; ++move) {
        cursor.stand_at(place(move));
        REQUIRE(same_bits(w, start) == place(move).empty());
    }
    cursor.settle();
    CHECK(same_bits(w, start));
}

TEMPLATE_TEST_CASE("A snapshot stands at the base plus the terms, rounded once", "", float, double, bfloat16, float16) {
    std::vector<TestType> w = weights<TestType>(300);
    const std::vector<TestType> start = w;
    Parameters parameters;
    parameters.add("w", std::span{w});
    Cursor<Rademacher, Snapshot> cursor{parameters, Rademacher{}, Snapshot{}, Reference{}, 1e-3, 1};
    const Key key{1, 2, 3};
    for (int move = 0; move < 50; ++move) {
        cursor.stand_at(Term{Key{1, 3, static_cast<std::uint32_t>(move)}, 1e-3});
    }
    cursor.stand_at(Term{key, -1e-3});
    using Number = ComputeType<TestType>;
    for (std::size_t i = 0; i < w.size(); ++i) {
        const auto z = static_cast<Number>(Rademacher{}(key, parameters.blocks()[0].identity, i));
        const Number sum = static_cast<Number>(start[i]) - z * static_cast<Number>(1e-3);
        REQUIRE(static_cast<Number>(w[i]) == static_cast<Number>(TestType(sum)));
    }
}

TEMPLATE_TEST_CASE("In place, weights drift by at most half a unit a traversal, and do drift", "", float, double, bfloat16,
                   float16) {
    std::vector<TestType> w = weights<TestType>(2000);
    const std::vector<TestType> start = w;
    Parameters parameters;
    parameters.add("w", std::span{w});
    Cursor<Gaussian, InPlace> cursor{parameters, Gaussian{}, InPlace{}, Reference{}, 5e-3, 3};
    CHECK(cursor.state_bytes() == 0);
    std::vector<double> largest(w.size());
    const auto look = [&] {
        for (std::size_t i = 0; i < w.size(); ++i) {
            largest[i] = std::max(largest[i], std::abs(static_cast<double>(w[i])));
        }
    };
    look();
    for (int move = 0; move < 100; ++move) {
        cursor.stand_at(place(move));
        look();
    }
    cursor.settle();
    const auto traversals = static_cast<double>(cursor.traversals());
    double drift = 0;
    for (std::size_t i = 0; i < w.size(); ++i) {
        // A unit in the last place of the largest place it stood at; halves have a least one.
        const double unit = std::ldexp(1.0, std::ilogb(largest[i]) + 1 - digits<TestType>);
        const double moved = std::abs(static_cast<double>(w[i]) - static_cast<double>(start[i]));
        REQUIRE(moved <= traversals / 2 * std::max(unit, std::is_same_v<TestType, float16> ? 0x1p-24 : 0.0));
        drift = std::max(drift, moved);
    }
    CHECK(drift > 0);
}

TEST_CASE("In place, two thousand steps without an update drift as documented") {
    // Weights N(0, 0.02^2), eps 1e-3: about 3e-6 relative for float32, in root mean square.
    constexpr std::size_t n = 2048;
    std::vector<float> w(n);
    for (std::size_t i = 0; i < n; ++i) {
        w[i] = 0.02f * Gaussian{}(Key{77, 0, 0}, BlockIdentity{1, n, 1}, i);
    }
    const std::vector<float> start = w;
    Parameters parameters;
    parameters.add("w", std::span{w});
    Cursor<Gaussian, InPlace> cursor{parameters, Gaussian{}, InPlace{}, Reference{}, 1e-3, 1};
    for (std::uint64_t step = 0; step < 2000; ++step) {
        cursor.stand_at(Term{Key{1, step, 0}, 1e-3});
        cursor.stand_at(Term{Key{1, step, 0}, -1e-3});
        cursor.stand_at_base();
    }
    double drift = 0;
    double norm = 0;
    for (std::size_t i = 0; i < n; ++i) {
        drift += std::pow(static_cast<double>(w[i]) - static_cast<double>(start[i]), 2);
        norm += std::pow(static_cast<double>(start[i]), 2);
    }
    const double relative = std::sqrt(drift / norm);
    CHECK(relative > 5e-7);
    CHECK(relative < 6e-6);
}
