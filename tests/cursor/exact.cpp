// Contract 6: on a grid of one power of two, moves are exact, so they can be undone, in any order, to the bit.

#include "rates.hpp"

#include <zeroth/cursor.hpp>
#include <zeroth/directions/gaussian.hpp>
#include <zeroth/directions/rademacher.hpp>
#include <zeroth/directions/sphere.hpp>

#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <cmath>
#include <limits>
#include <span>
#include <stdexcept>
#include <vector>

using namespace zeroth;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::MessageMatches;

namespace {

/// N(0, 0.02^2).
template <class T>
std::vector<T> weights(std::size_t n) {
    std::vector<T> w(n);
    for (std::size_t i = 0; i < n; ++i) {
        w[i] = static_cast<T>(0.02f * Gaussian{}(Key{77, 0, 0}, BlockIdentity{1, n, 1}, i));
    }
    return w;
}

template <class T>
Parameters parameters_of(std::vector<T>& w) {
    Parameters result;
    result.add("w", std::span{w});
    return result;
}

std::vector<Term> place(int move) {
    std::vector<Term> terms;
    for (int k = 0; k < move % 4; ++k) {
        const auto query = static_cast<std::uint32_t>(k);
        terms.push_back({Key{3, static_cast<std::uint64_t>(move * 7 % 31), query}, (k % 2 == 0 ? 3e-4 : -2e-4) * (1 + move % 3)});
    }
    return terms;
}

/// The documented step of a grid for weights up to `largest`, between powers of two.
template <class T>
double quantum(double largest) {
    return std::ldexp(1.0, std::ilogb(largest) + 1 - (std::numeric_limits<T>::digits - 3));
}

} // namespace

TEMPLATE_TEST_CASE("Laying the grid moves a weight by half a quantum at most, once", "", float, double) {
    std::vector<TestType> w = weights<TestType>(5000);
    const std::vector<TestType> start = w;
    double largest = 0;
    for (const TestType x : w) {
        largest = std::max(largest, std::abs(static_cast<double>(x)));
    }
    const double q = quantum<TestType>(largest);
    const Parameters parameters = parameters_of(w);
    int changed = 0;
    {
        const Cursor<Gaussian, Exact> cursor{parameters, Gaussian{}, Exact{}, Reference{}, 5e-3, 1};
        CHECK(cursor.state_bytes() == 3 * sizeof(double));
    }
    for (std::size_t i = 0; i < w.size(); ++i) {
        const auto now = static_cast<double>(w[i]);
        REQUIRE(std::abs(now - static_cast<double>(start[i])) <= q / 2);
        REQUIRE(std::nearbyint(now / q) * q == now);
        changed += w[i] != start[i] ? 1 : 0;
    }
    // Some lay between the grid's lines; those of a float in a double's grid do not.
    CHECK((changed > 0) == std::is_same_v<TestType, float>);
    const std::vector<TestType> laid = w;
    { const Cursor<Gaussian, Exact> again{parameters, Gaussian{}, Exact{}, Reference{}, 5e-3, 1}; }
    CHECK(w == laid);
}

TEMPLATE_TEST_CASE("A thousand moves later every bit is back", "", float, double) {
    std::vector<TestType> w = weights<TestType>(1000);
    const Parameters parameters = parameters_of(w);
    Cursor<Gaussian, Exact> cursor{parameters, Gaussian{}, Exact{}, Reference{}, 2e-2, 3};
    const std::vector<TestType> base = w;
    for (int move = 0; move < 1000; ++move) {
        cursor.stand_at(place(move));
        REQUIRE((w == base) == place(move).empty());
    }
    cursor.settle();
    CHECK(w == base);
    CHECK(cursor.traversals() == 1000); // none for the first place, which is home, and one to settle
}

TEMPLATE_TEST_CASE("Where the weights stand does not depend on the way there", "", float, double) {
    std::vector<TestType> w = weights<TestType>(500);
    const Parameters parameters = parameters_of(w);
    Cursor<Gaussian, Exact> cursor{parameters, Gaussian{}, Exact{}, Reference{}, 2e-2, 3};
    const std::vector<Term> goal = place(7);
    REQUIRE(goal.size() == 3);
    cursor.stand_at(goal);
    const std::vector<TestType> straight = w;
    for (int move = 0; move < 20; ++move) {
        cursor.stand_at(place(move));
    }
    cursor.stand_at(goal);
    CHECK(w == straight);
    cursor.stand_at_base();
    cursor.stand_at(goal[2]);
    cursor.stand_at(std::vector<Term>{goal[1], goal[2]});
    cursor.stand_at(std::vector<Term>{goal[2], goal[0], goal[1]});
    CHECK(w == straight);
}

TEMPLATE_TEST_CASE("From a displacement to its opposite, to another, or to another distance: each is where it is from home", "", float, double) {
    std::vector<TestType> w = weights<TestType>(700);
    const Parameters parameters = parameters_of(w);
    Cursor<Gaussian, Exact> cursor{parameters, Gaussian{}, Exact{}, Reference{}, 2e-2, 3};
    const std::vector<TestType> base = w;
    const Key a{3, 1, 0}, b{3, 1, 1}, c{3, 2, 0};
    const std::vector<std::vector<Term>> places{
        {{a, 1e-3}},
        {{a, -1e-3}},                          // its opposite
        {{a, 7e-4}},                           // the same key at another distance
        {{a, -3.3e-4}},                        // and on the other side, nearer
        {{b, -1e-3}},                          // another key
        {{a, 1e-3}, {b, -5e-4}},
        {{a, -1e-3}, {b, 5e-4}},               // both opposite
        {{a, -1e-3}, {b, -5e-4}},              // one opposite, one as it was
        {{b, 5e-4}, {c, 2e-4}},                // one left, one entered, one turned
        {{a, 5e-4}, {a, 5e-4}},                // one key's coefficients are one sum
        {{a, 1e-3}, {b, 0.0}},
        {},
    };
    std::vector<std::vector<TestType>> from_home;
    for (const std::vector<Term>& place : places) {
        cursor.stand_at(place);
        from_home.push_back(w);
        cursor.settle();
        REQUIRE(w == base);
    }
    CHECK(from_home[9] == from_home[0]);
    CHECK(from_home[10] == from_home[0]);
    // Opposites are as far from home, weight by weight.
    for (std::size_t i = 0; i < w.size(); ++i) {
        REQUIRE(from_home[0][i] - base[i] == base[i] - from_home[1][i]);
        REQUIRE(from_home[5][i] - base[i] == base[i] - from_home[6][i]);
    }
    for (std::size_t from = 0; from < places.size(); ++from) {
        for (std::size_t to = 0; to < places.size(); ++to) {
            INFO("from place " << from << " to " << to);
            const std::uint64_t before = cursor.traversals();
            cursor.stand_at(places[from]);
            const std::uint64_t there = cursor.traversals();
            cursor.stand_at(places[to]);
            CHECK(w == from_home[to]);
            CHECK(cursor.traversals() - there <= 1);
            cursor.settle();
            REQUIRE(w == base);
            CHECK(cursor.traversals() - before <= 3);
        }
    }
    // And with the base moving on the way, as it does from home.
    const Descend<PlainStep> move{.rate = 0.5, .key = Key{3, 9, 0}};
    const std::vector<Term> gradient{{a, 1e-3}, {c, 2e-3}};
    cursor.update(move, gradient);
    cursor.settle();
    const std::vector<TestType> moved = w;
    for (std::size_t from = 0; from < places.size(); ++from) {
        for (std::size_t to = 0; to < places.size(); to += 3) {
            w = base;
            cursor.adopt();
            REQUIRE(w == base);
            cursor.stand_at(places[from]);
            cursor.update(move, gradient);
            cursor.stand_at(places[to]);
            cursor.settle();
            INFO("from place " << from << " to " << to);
            REQUIRE(w == moved);
        }
    }
}

TEST_CASE("A sphere's moves are exact too") {
    std::vector<float> w = weights<float>(120);
    const Parameters parameters = parameters_of(w);
    Cursor<Sphere, Exact> cursor{parameters, Sphere{}, Exact{}, Reference{}, 2e-2, 3};
    const std::vector<float> base = w;
    for (int move = 0; move < 200; ++move) {
        cursor.stand_at(place(move));
        REQUIRE((w == base) == place(move).empty());
    }
}

TEMPLATE_TEST_CASE("Weights that outgrow their grid get a coarser one, and moves stay exact", "", float, double) {
    std::vector<TestType> w = weights<TestType>(200);
    const Parameters parameters = parameters_of(w);
    Cursor<Gaussian, Exact> cursor{parameters, Gaussian{}, Exact{}, Reference{}, 5e-3, 1};
    const std::vector<TestType> start = w;
    std::uint64_t laid = 0;
    std::vector<double> expected(w.begin(), w.end());
    double largest = 0;
    for (std::uint64_t step = 0; step < 40; ++step) {
        const Key key{9, step, 0};
        const std::vector<TestType> base = w;
        const std::uint64_t before = cursor.traversals();
        cursor.stand_at(Term{key, 1e-3});
        REQUIRE(w != base);
        cursor.stand_at(Term{key, -1e-3});
        cursor.settle();
        REQUIRE(cursor.traversals() - before == 3);
        REQUIRE(w == base);
        cursor.stand_at(Term{key, 1e-3});
        cursor.update(zeroth_test::descend(1.25, 0.01, key), std::vector<Term>{{key, 1.0}});
        cursor.settle();
        // Laying it anew: away from home and back, and twice over the weights.
        const std::uint64_t extra = cursor.traversals() - before - 5;
        REQUIRE((extra == 0 || extra == 4 || extra == 2));
        laid += extra != 0 ? 1 : 0;
        largest = 0;
        for (std::size_t i = 0; i < w.size(); ++i) {
            const auto z = static_cast<double>(Gaussian{}(key, parameters.blocks()[0].identity, i));
            expected[i] = 1.25 * expected[i] + 0.01 * z;
            largest = std::max(largest, std::abs(expected[i]));
        }
    }
    // 1.25^40 = 7,500: thirteen doublings, and a grid that is outgrown had room for one, its successor has again.
    CHECK(largest > 100);
    CHECK(laid >= 6);
    CHECK(laid <= 13);
    for (std::size_t i = 0; i < w.size(); ++i) {
        // Each step rounds by under a quantum, and the grid is at most four times as coarse as needed.
        REQUIRE(std::abs(static_cast<double>(w[i]) - expected[i]) < 40 * 4 * quantum<TestType>(largest));
    }
}

TEMPLATE_TEST_CASE("Weights that run away stop, and stay finite and exact", "", float, double) {
    std::vector<TestType> w = weights<TestType>(50);
    const Parameters parameters = parameters_of(w);
    const double end = std::ldexp(1.0, std::is_same_v<TestType, float> ? 125 : 998);
    Cursor<Gaussian, Exact> cursor{parameters, Gaussian{}, Exact{}, Reference{}, 5e-3, 1};
    for (std::uint64_t step = 0; step < 2500; ++step) {
        const Key key{9, step, 0};
        cursor.update(zeroth_test::descend(3.0, 1.0, key), std::vector<Term>{{key, 1.0}});
        cursor.settle();
        const std::vector<TestType> base = w;
        cursor.stand_at(Term{key, 1e-3});
        cursor.settle();
        REQUIRE(w == base);
    }
    for (const TestType x : w) {
        CHECK(std::abs(static_cast<double>(x)) == end);
    }
    // A new run would not take them.
    CHECK_THROWS_AS((Cursor<Gaussian, Exact>{parameters, Gaussian{}, Exact{}, Reference{}, 5e-3, 1}), std::invalid_argument);
    w.assign(w.size(), static_cast<TestType>(end / 8));
    Cursor<Gaussian, Exact> again{parameters, Gaussian{}, Exact{}, Reference{}, 5e-3, 1};
    CHECK(w == std::vector<TestType>(w.size(), static_cast<TestType>(end / 8)));
}

TEST_CASE("The hook hears of a grid that is laid") {
    std::vector<float> w = weights<float>(50);
    Parameters parameters = parameters_of(w);
    int calls = 0;
    parameters.on_change([&](std::span<const Block>) { ++calls; });
    Cursor<Gaussian, Exact> cursor{parameters, Gaussian{}, Exact{}, Reference{}, 5e-3, 1};
    CHECK(calls == 1);
    w[3] = 5.1f;
    cursor.adopt();
    CHECK(calls == 2);
    Cursor<Gaussian, InPlace> other{parameters, Gaussian{}, InPlace{}, Reference{}, 5e-3, 1};
    other.adopt();
    CHECK(calls == 2);
}

TEST_CASE("A displacement beyond its reach makes room for itself, from wherever the weights stand") {
    std::vector<float> w = weights<float>(300);
    const Parameters parameters = parameters_of(w);
    Cursor<Rademacher, Exact> cursor{parameters, Rademacher{}, Exact{}, Reference{}, 1e-3, 2};
    const std::vector<float> before = w;
    const Key key{4, 4, 4};
    cursor.stand_at(Term{key, 1e-3});
    cursor.stand_at(Term{key, 10.0});
    const auto z = [&](std::size_t i) { return Rademacher{}(key, parameters.blocks()[0].identity, i); };
    const double q = std::ldexp(1.0, 5 - 22); // for displacements up to 20
    for (std::size_t i = 0; i < w.size(); ++i) {
        REQUIRE(std::abs(static_cast<double>(w[i] - before[i]) - 10 * static_cast<double>(z(i))) <= q);
    }
    cursor.settle();
    const std::vector<float> base = w;
    for (std::size_t i = 0; i < w.size(); ++i) {
        REQUIRE(std::abs(static_cast<double>(base[i]) - static_cast<double>(before[i])) <= q / 2);
    }
    // From now on it costs nothing.
    const std::uint64_t traversals = cursor.traversals();
    for (int move = 0; move < 50; ++move) {
        cursor.stand_at(Term{Key{4, 5, static_cast<std::uint32_t>(move)}, move % 2 == 0 ? 10.0 : -9.0});
    }
    cursor.settle();
    CHECK(w == base);
    CHECK(cursor.traversals() - traversals == 51);
}

TEST_CASE("What cannot be kept on a grid is refused, naming the block") {
    std::vector<float> good(3, 1.0f);
    std::vector<bfloat16> brain(3);
    std::vector<float16> half(3);
    const auto make = [&](auto& values) {
        Parameters parameters;
        parameters.add("good", std::span{good});
        parameters.add("culprit", std::span{values});
        Cursor<Rademacher, Exact>{parameters, Rademacher{}, Exact{}, Reference{}, 1e-3, 1};
    };
    CHECK_THROWS_MATCHES(make(brain), std::invalid_argument,
                         MessageMatches(ContainsSubstring("'culprit'") && ContainsSubstring("not bfloat16") &&
                                        ContainsSubstring("Snapshot")));
    CHECK_THROWS_MATCHES(make(half), std::invalid_argument,
                         MessageMatches(ContainsSubstring("'culprit'") && ContainsSubstring("not float16")));
    for (const float bad : {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
        std::vector<float> values{1.0f, bad, 2.0f};
        CHECK_THROWS_MATCHES(make(values), std::invalid_argument,
                             MessageMatches(ContainsSubstring("'culprit'") && ContainsSubstring("not finite")));
    }
}

TEMPLATE_TEST_CASE("Updates under the quantum are rounded without bias", "", float, double) {
    // +-0.75, so that the quantum is 2^-21 (2^-50); an update of c q moves a weight by floor(c) q, or with
    // probability c - floor(c) by one quantum more, along z.
    constexpr std::size_t n = 200'000;
    const double q = quantum<TestType>(0.75);
    CHECK(q == (std::is_same_v<TestType, float> ? 0x1p-21 : 0x1p-50));
    std::vector<TestType> w(n);
    for (std::size_t i = 0; i < n; ++i) {
        w[i] = i % 2 == 0 ? TestType{0.75} : TestType{-0.75};
    }
    const Parameters parameters = parameters_of(w);
    Cursor<Rademacher, Exact> cursor{parameters, Rademacher{}, Exact{}, Reference{}, 1e-3, 1};
    std::vector<bool> moved_before(n);
    std::uint64_t step = 0;
    for (const double c : {0.01, 0.01, 0.5, 0.99, 2.3}) {
        const std::vector<TestType> before = w;
        const Key key{6, step++, 0};
        cursor.update(zeroth_test::descend(1.0, -c * q, key), std::vector<Term>{{key, 1.0}});
        cursor.settle();
        const double more = c - std::floor(c);
        double up = 0;
        double both = 0;
        for (std::size_t i = 0; i < n; ++i) {
            const auto z = static_cast<double>(Rademacher{}(key, parameters.blocks()[0].identity, i));
            const double quanta = (static_cast<double>(w[i]) - static_cast<double>(before[i])) / (-z * q);
            REQUIRE((quanta == std::floor(c) || quanta == std::floor(c) + 1));
            const bool moved = quanta == std::floor(c) + 1;
            up += moved ? 1 : 0;
            both += moved && moved_before[i] ? 1 : 0;
            moved_before[i] = moved;
        }
        INFO("an update of " << c << " quanta");
        CHECK(std::abs(up - n * more) < 5 * std::sqrt(n * more * (1 - more)));
        if (step == 2) {
            // Another key's noise: both moved once in ten thousand.
            CHECK(std::abs(both - n * 1e-4) < 5 * std::sqrt(n * 1e-4));
        }
    }
}

TEST_CASE("Weight decay under the quantum is rounded without bias") {
    constexpr std::size_t n = 200'000;
    std::vector<float> w(n, 0.75f);
    const Parameters parameters = parameters_of(w);
    Cursor<Rademacher, Exact> cursor{parameters, Rademacher{}, Exact{}, Reference{}, 1e-3, 1};
    constexpr double q = 0x1p-21;
    constexpr double share = 0.03;
    cursor.update(zeroth_test::descend(1 - share * q / 0.75, 0.0, Key{8, 0, 0}), std::vector<Term>{});
    cursor.settle();
    double moved = 0;
    for (const float x : w) {
        REQUIRE((x == 0.75f || static_cast<double>(x) == 0.75 - q));
        moved += x != 0.75f ? 1 : 0;
    }
    CHECK(std::abs(moved - n * share) < 5 * std::sqrt(n * share * (1 - share)));
}
