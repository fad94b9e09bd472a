// Unit vectors: which weight a key chooses, and the same bits from every backend.

#include "backends/bit_equality.hpp"

#include <zeroth/directions/coordinate.hpp>
#include <zeroth/directions/masked.hpp>
#include <zeroth/zeroth.hpp>

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <cmath>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

using namespace zeroth;

namespace {

/// Blocks of these sizes over one run of zeros.
struct Layout {
    std::vector<float> z;
    Parameters parameters{};

    explicit Layout(const std::vector<std::size_t>& sizes) {
        std::size_t total = 0;
        for (const std::size_t size : sizes) {
            total += size;
        }
        z.resize(total);
        std::size_t begin = 0;
        for (std::size_t b = 0; b < sizes.size(); ++b) {
            parameters.add("block " + std::to_string(b), std::span{z}.subspan(begin, sizes[b]));
            begin += sizes[b];
        }
    }
    /// z of a key over all blocks, by displacing zeros.
    template <class B>
    const std::vector<float>& displaced(const Coordinate& direction, const Key& key, const B& backend) {
        std::fill(z.begin(), z.end(), 0.0f);
        zeroth_test::displace(backend, parameters.blocks(), direction, key);
        return z;
    }
};

const std::vector<std::vector<std::size_t>> layouts{{1},       {31},           {32},           {33},
                                                    {1000},    {1, 31, 33},    {15, 0, 17, 0}, {0, 1, 0, 1000, 16},
                                                    {33, 100}, {0, 0, 5, 0, 0}};

/// A table of blocks without memory, for sizes that no machine has.
struct Table {
    std::vector<Block> all;
    const std::vector<Block>& blocks() const { return all; }
};

template <class T>
void compare_backends() {
    using zeroth_test::run;
    for (const std::size_t n : {0u, 1u, 3u, 15u, 16u, 17u, 31u, 33u, 129u, 2049u}) {
        const Table table{{{"first", nullptr, ScalarType::float32, {hash_name("first"), n, 1}},
                           {"second", nullptr, ScalarType::float32, {hash_name("second"), n / 2 + 1, 1}}}};
        const Coordinate direction{table, CoordinateOrder::random};
        const auto equal = [&](auto make) {
            for (const int count : {1, 2, 3, 6}) {
                INFO("elements " << n << ", moves " << count);
                const auto expected = run<T>(Reference{}, direction, n, count, make);
                CHECK(run<T>(Simd<>{}, direction, n, count, make) == expected);
                CHECK(run<T>(Threads<Simd<>>{{}, 3, 1}, direction, n, count, make) == expected);
            }
        };
        equal(zeroth_test::make_displace);
        equal(zeroth_test::make_update_in_place);
        equal(zeroth_test::make_update_from);
        if constexpr (sizeof(T) >= 4) {
            equal(zeroth_test::make_on_grid);
            equal(zeroth_test::make_update_on_grid);
        }
    }
}

} // namespace

static_assert(VectorDirection<Coordinate> && !has_scales_of<Coordinate> && !SparseDirection<Coordinate>);
static_assert(VectorDirection<Masked<Coordinate, Bernoulli>>);

TEST_CASE("A cycle of steps visits each weight of all blocks once, in their order, on every backend") {
    for (const std::vector<std::size_t>& sizes : layouts) {
        Layout layout{sizes};
        const Coordinate direction{layout.parameters};
        const std::size_t d = layout.z.size();
        REQUIRE(direction.size() == d);
        for (std::size_t step = 0; step < d + 3; ++step) {
            INFO("step " << step << " of " << d << " in " << sizes.size() << " blocks");
            const Key key{7, 5 * d + step, 9};
            std::vector<float> expected(d, 0.0f);
            expected[step % d] = 1;
            REQUIRE(direction.chosen(key) == step % d);
            REQUIRE(layout.displaced(direction, key, Reference{}) == expected);
            REQUIRE(layout.displaced(direction, key, Simd<>{}) == expected);
            std::vector<float> by_element;
            for (const Block& block : layout.parameters.blocks()) {
                for (std::size_t i = 0; i < block.size(); ++i) {
                    by_element.push_back(direction(key, block.identity, i));
                }
            }
            REQUIRE(by_element == expected);
        }
        REQUIRE(layout.displaced(direction, Key{7, d - 1, 0}, Threads<Simd<>>{{}, 3, 1}).back() == 1);
    }
}

TEST_CASE("A random coordinate is one weight, drawn evenly, whatever the blocks' borders") {
    for (const std::vector<std::size_t>& sizes : layouts) {
        Layout layout{sizes};
        const std::size_t d = layout.z.size();
        const Coordinate direction{layout.parameters, CoordinateOrder::random};
        constexpr int draws = 300000;
        std::vector<int> count(d);
        for (std::uint64_t step = 0; step < draws; ++step) {
            const std::uint64_t chosen = direction.chosen(Key{3, step, 0});
            REQUIRE(chosen < d);
            ++count[static_cast<std::size_t>(chosen)];
            if (step < 50) {
                std::vector<float> expected(d, 0.0f);
                expected[static_cast<std::size_t>(chosen)] = 1;
                REQUIRE(layout.displaced(direction, Key{3, step, 0}, Reference{}) == expected);
                REQUIRE(layout.displaced(direction, Key{3, step, 0}, Simd<>{}) == expected);
            }
        }
        const double p = 1 / static_cast<double>(d);
        double chi_square = 0;
        for (std::size_t i = 0; i < d; ++i) {
            INFO("weight " << i << " of " << d << " was drawn " << count[i] << " times");
            const double off = count[i] - draws * p;
            CHECK(std::abs(off) <= 5 * std::sqrt(draws * p * (1 - p)));
            chi_square += off * off / (draws * p);
        }
        // Of d - 1 degrees of freedom.
        const double freedom = static_cast<double>(d - 1);
        CHECK(std::abs(chi_square - freedom) <= 5 * std::sqrt(2 * freedom) + 1e-9);
    }
}

TEST_CASE("Seed, step and query draw other coordinates, in tables of any size") {
    const std::uint64_t half = std::uint64_t{1} << 39;
    const Table table{{{"a", nullptr, ScalarType::float32, {hash_name("a"), half, 1}},
                       {"b", nullptr, ScalarType::float32, {hash_name("b"), half / 2, 1}},
                       {"c", nullptr, ScalarType::float32, {hash_name("c"), 3, half / 6}}}};
    const Coordinate direction{table, CoordinateOrder::random};
    CHECK(direction.size() == half + half / 2 + half / 6 * 3);
    const Key key{1, 2, 3};
    CHECK(direction.chosen(key) == direction.chosen(key));
    CHECK(direction.chosen(key) != direction.chosen(Key{2, 2, 3}));
    CHECK(direction.chosen(key) != direction.chosen(Key{1, 3, 3}));
    CHECK(direction.chosen(key) != direction.chosen(Key{1, 2, 4}));
    int in_first = 0;
    double mean = 0;
    constexpr int draws = 20000;
    for (std::uint64_t step = 0; step < draws; ++step) {
        const Key drawn{1, step, 0};
        const std::uint64_t chosen = direction.chosen(drawn);
        // The high product against a division of more bits.
        const PhiloxKey bits = philox_key(drawn, Purpose::direction);
        const long double part = (static_cast<long double>(bits.high) * 0x1p32L + static_cast<long double>(bits.low)) * 0x1p-64L;
        REQUIRE(chosen < direction.size());
        REQUIRE(std::abs(static_cast<long double>(chosen) - part * static_cast<long double>(direction.size())) <= 1.001L);
        in_first += chosen < half ? 1 : 0;
        mean += static_cast<double>(chosen) / static_cast<double>(direction.size()) / draws;
        const bool second = chosen >= half && chosen < half + half / 2;
        REQUIRE(direction(drawn, table.all[1].identity, second ? chosen - half : 0) == (second ? 1.0f : 0.0f));
    }
    CHECK(std::abs(in_first - draws / 2.0) < 5 * std::sqrt(draws / 4.0));
    CHECK(std::abs(mean - 0.5) < 5 * std::sqrt(1.0 / 12 / draws));
    // And the cycle, far beyond 32 bits.
    const Coordinate cycle{table};
    CHECK(cycle.chosen(Key{0, half + 5, 0}) == half + 5);
    CHECK(cycle(Key{0, half + 5, 0}, table.all[1].identity, 5) == 1);
    CHECK(cycle(Key{0, half + 5, 0}, table.all[0].identity, 5) == 0);
}

TEST_CASE("Every backend moves weights along coordinates to the reference's bits") {
    compare_backends<float>();
    compare_backends<double>();
    compare_backends<bfloat16>();
    compare_backends<float16>();
}

TEST_CASE("A masked coordinate is the chosen weight, or none") {
    Layout layout{{40, 50, 60}};
    const Masked direction{Coordinate{layout.parameters}, Bernoulli{.keep = 0.5}};
    std::size_t kept = 0;
    for (std::uint64_t step = 0; step < 150; ++step) {
        std::fill(layout.z.begin(), layout.z.end(), 0.0f);
        zeroth_test::displace(Simd<>{}, layout.parameters.blocks(), direction, Key{1, step, 0});
        const std::size_t b = step < 40 ? 0 : step < 90 ? 1 : 2;
        const bool is_kept = direction.mask(Key{1, step, 0}, layout.parameters.blocks()[b].identity, step - (b == 0 ? 0u : b == 1 ? 40u : 90u));
        std::vector<float> expected(150, 0.0f);
        expected[static_cast<std::size_t>(step)] = is_kept ? 1.0f : 0.0f;
        REQUIRE(layout.z == expected);
        kept += is_kept ? 1 : 0;
    }
    CHECK(kept > 40);
    CHECK(kept < 110);
}

TEST_CASE("Blocks are known by name, and other parameters than its own are refused") {
    Layout layout{{40, 50, 60}};
    const Coordinate direction{layout.parameters};
    Parameters one;
    one.add("block 1", std::span{layout.z}.subspan(40, 50));
    Parameters other;
    other.add("other", std::span{layout.z});
    const auto numbers = [&](const Parameters& parameters) {
        int count = 0;
        for (std::size_t i = 0; i < parameters.blocks()[0].size(); ++i) {
            count += direction(Key{0, 42, 0}, parameters.blocks()[0].identity, i) != 0 ? 1 : 0;
        }
        return count;
    };
    CHECK(numbers(one) == 1);
    CHECK(layout.displaced(direction, Key{0, 42, 0}, Simd<>{})[42] == 1);
    CHECK(numbers(other) == 0);
    CHECK_THROWS_AS(zeroth_test::displace(Simd<>{}, one.blocks(), direction, Key{0, 42, 0}), std::invalid_argument);
    CHECK_THROWS_AS(zeroth_test::displace(Simd<>{}, other.blocks(), direction, Key{0, 42, 0}), std::invalid_argument);
    direction.validate_for(layout.parameters.blocks());
    CHECK_THROWS_AS(direction.validate_for(one.blocks()), std::invalid_argument);
    CHECK_THROWS_AS(direction.validate_for(other.blocks()), std::invalid_argument);
    CHECK_THROWS_AS((Coordinate{Layout{{0, 0}}.parameters}), std::invalid_argument);
    CHECK_THROWS_AS((Coordinate{Parameters{}}), std::invalid_argument);
}
