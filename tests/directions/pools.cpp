// Pools of few numbers: norms, starts, replay, the same bits from every backend.

#include "directions/displaced.hpp"

#include <zeroth/directions/integer_pool.hpp>
#include <zeroth/directions/mixed_pool.hpp>
#include <zeroth/directions/reuse_pool.hpp>
#include <zeroth/estimators/forward_gradient.hpp>
#include <zeroth/zeroth.hpp>

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <set>
#include <span>
#include <stdexcept>
#include <vector>

using namespace zeroth_test;

namespace {

static_assert(VectorDirection<ReusePool> && needs_all_blocks_of<ReusePool>);
static_assert(VectorDirection<MixedPool> && !needs_all_blocks_of<MixedPool>);

} // namespace

TEST_CASE("The pool's norm is a Gaussian vector's, for every length and start") {
    for (const int bits : {4, 7, 12}) {
        const std::size_t period = (std::size_t{1} << bits) - 1;
        Layout layout{{1, 2, 63, 64, 65, period - 1, period, period + 1, 3 * period + 17, 20000}};
        for (const bool rounded : {false, true}) {
            const ReusePool direction{.index_bits = bits, .power_of_two = rounded};
            for (std::uint64_t step = 0; step < 40; ++step) {
                const auto z = layout.displaced(direction, Key{9, step * step, 0});
                for (std::size_t b = 0; b < layout.begin.size(); ++b) {
                    const auto n = static_cast<std::size_t>(layout.identity(b).size());
                    const double ratio = norm(std::span{z}.subspan(layout.begin[b], n)) / std::sqrt(static_cast<double>(n) - 0.5);
                    INFO("index_bits " << bits << ", step " << step << ", size " << n << ", ratio " << ratio);
                    if (!rounded) {
                        REQUIRE(std::abs(ratio - 1) < 1e-6);
                    } else {
                        REQUIRE(ratio > 0.7071);
                        REQUIRE(ratio < 1.41422);
                        // A whole pool or more: the deviation is that of uniforms, sqrt(1/3), doubled.
                        if (bits == 12 && n >= period) {
                            REQUIRE(std::abs(ratio - 2 / std::sqrt(3.0)) < 0.03);
                        }
                    }
                }
            }
        }
    }
}

TEST_CASE("With a power of two for a scale the numbers are whole multiples of it") {
    Layout layout{{3000}};
    const auto z = layout.displaced(ReusePool{.entry_bits = 14, .power_of_two = true}, Key{1, 2, 0});
    for (const float x : z) {
        const float whole = x * 0x1p13f; // sqrt(3) / 2^14, rounded by ratio: 2^-13
        REQUIRE(whole == std::floor(whole));
        REQUIRE(std::fmod(std::abs(whole), 2.0f) == 1.0f);
        REQUIRE(std::abs(whole) < 0x1p14f);
    }
}

TEST_CASE("No number of a pool exceeds its bound") {
    float worst = 0;
    const Layout layout{{1, 2, 3, 7, 64, 65, 200, 4000}};
    for (const bool rounded : {false, true}) {
        for (const int entry : {2, 3, 8, 16}) {
            for (std::uint64_t seed = 0; seed < 60; ++seed) {
                const ReusePool direction{.index_bits = 4, .entry_bits = entry, .power_of_two = rounded};
                std::vector<Key> keys;
                for (std::uint64_t step = 0; step < 15; ++step) {
                    keys.push_back(Key{seed, step, 0});
                }
                const auto formed = prepared(layout, direction, keys);
                for (std::size_t k = 0; k < keys.size(); ++k) {
                    for (std::size_t b = 0; b < layout.begin.size(); ++b) {
                        for (std::uint64_t i = 0; i < 15 && i < layout.identity(b).size(); ++i) {
                            worst = std::max(worst, std::abs(number_at(formed.rays().ray(k, b), i)));
                        }
                    }
                }
            }
        }
    }
    INFO("largest " << worst);
    CHECK(worst <= ReusePool::largest);
    // The scale itself, for squares that no pool is likely to have: all numbers but one are the least.
    for (const std::uint32_t largest : {1u, 3u, 255u, 65535u}) {
        const double entry = largest;
        for (const bool rounded : {false, true}) {
            const TableLayout shape{15, 1, largest, false, rounded, 0};
            for (std::uint64_t length = 1; length < 5000; ++length) {
                const double squares = entry * entry + static_cast<double>(length - 1);
                const double z = entry * static_cast<double>(modulus_scale(shape, length, squares));
                REQUIRE(z <= static_cast<double>(ReusePool::largest));
            }
        }
    }
}

TEST_CASE("A direction recurs after as many steps as the pool has numbers, not before, and a step's queries differ") {
    for (const std::size_t size : {1u, 31u, 62u, 64u, 100u, 310u}) {
        Layout layout{{size}};
        const ReusePool direction{.index_bits = 5};
        const std::size_t seen = std::min<std::size_t>(size, 31);
        std::set<std::vector<float>> steps, queries;
        for (std::uint32_t k = 0; k < 31; ++k) {
            const auto step = layout.displaced(direction, Key{3, k, 0});
            steps.insert({step.begin(), step.begin() + static_cast<std::ptrdiff_t>(seen)});
            queries.insert(layout.displaced(direction, Key{3, 7, k}));
            REQUIRE(layout.displaced(direction, Key{3, k + 31, 0}) == step);
        }
        if (size > 1) { // of one number only the sign is left
            CHECK(steps.size() == 31);
            CHECK(queries.size() == 31);
        }
    }
    for (const std::uint64_t period : {15u, 31u, 4095u, 65535u}) {
        for (std::uint64_t number = 0; number < 300; ++number) {
            const std::uint64_t shift = coprime_from(number, period);
            REQUIRE(shift >= number);
            REQUIRE(greatest_common_divisor(shift, period) == 1);
            for (std::uint64_t passed = number; passed < shift; ++passed) {
                REQUIRE(greatest_common_divisor(passed, period) != 1);
            }
        }
    }
}

TEST_CASE("Over pools a direction has mean 0 and unit second moment") {
    constexpr std::size_t n = 20;
    constexpr int draws = 20000;
    std::vector<double> mean(n), second(n * n);
    const Layout layout{{n}};
    const ReusePool direction{.index_bits = 6, .entry_bits = 10};
    for (std::uint64_t draw = 0; draw < draws; ++draw) {
        const auto formed = prepared(layout, direction, {Key{draw, 4 * draw, 1}});
        float z[n];
        for (std::size_t i = 0; i < n; ++i) {
            z[i] = number_at(formed.rays().ray(0, 0), i);
            mean[i] += static_cast<double>(z[i]) / draws;
        }
        for (std::size_t i = 0; i < n; ++i) {
            for (std::size_t j = 0; j < n; ++j) {
                second[i * n + j] += static_cast<double>(z[i]) * static_cast<double>(z[j]) / draws;
            }
        }
    }
    for (std::size_t i = 0; i < n; ++i) {
        CHECK(std::abs(mean[i]) < 5 / std::sqrt(draws));
        for (std::size_t j = 0; j < n; ++j) {
            const double expected = i == j ? 1 - 0.5 / n : 0;
            CHECK(std::abs(second[i * n + j] - expected) < 5 / std::sqrt(draws));
        }
    }
}

TEST_CASE("Every backend reads a pool alike, for one, two and more keys, and so does random access") {
    for (const bool running : {false, true}) {
        const ReusePool direction{.index_bits = 9, .refresh_every = 3, .running_index = running};
        for (const std::size_t size : {1u, 15u, 17u, 130u, 1023u, 1024u, 1025u, 5000u}) {
            Layout layout{{size, size / 2 + 3, 0, 3000}};
            for (std::uint32_t count = 1; count <= 5; ++count) {
                std::vector<Key> keys;
                for (std::uint32_t k = 0; k < count; ++k) {
                    keys.push_back(Key{11, 2 + k / 2, k}); // of two epochs
                }
                const auto expected = layout.displaced(direction, keys, FloatReference{});
                CHECK(layout.displaced(direction, keys, FastBackend{}) == expected);
                CHECK(layout.displaced(direction, keys, Threads<FastBackend>{{}, 3, 1}) == expected);
                if (count == 1) {
                    const auto formed = prepared(layout, direction, keys);
                    for (std::size_t b : {0u, 1u, 3u}) {
                        for (std::size_t i = 0; i < layout.identity(b).size(); ++i) {
                            REQUIRE(number_at(formed.rays().ray(0, b), i) == expected[layout.begin[b] + i]);
                            if (!running && i % 97 == 0) { // by itself
                                REQUIRE(direction(keys[0], layout.identity(b), i) == expected[layout.begin[b] + i]);
                            }
                        }
                    }
                }
            }
        }
    }
}

TEST_CASE("A block's numbers depend on its identity, not on its place or its neighbours, unless the index runs over all") {
    std::vector<float> a(700), b(500);
    const auto formed = [&](const ReusePool& direction, bool turned, bool alone) {
        std::fill(a.begin(), a.end(), 0.0f);
        std::fill(b.begin(), b.end(), 0.0f);
        Parameters parameters;
        if (turned) {
            parameters.add("b", std::span{b});
        }
        parameters.add("a", std::span{a});
        if (!turned && !alone) {
            parameters.add("b", std::span{b});
        }
        displace(FastBackend{}, parameters.blocks(), direction, Key{1, 5, 0});
        return a;
    };
    const ReusePool own{.index_bits = 10};
    CHECK(formed(own, false, false) == formed(own, true, false));
    CHECK(formed(own, false, false) == formed(own, false, true));
    const ReusePool running{.index_bits = 10, .running_index = true};
    CHECK(formed(running, false, false) != formed(running, true, false));
    // The last block goes on where the one before it ended.
    Layout layout{{700, 500}}, whole{{1200}};
    CHECK(layout.displaced(running, Key{1, 5, 0}) == whole.displaced(running, Key{1, 5, 0}));
    const auto all = whole.displaced(running, Key{1, 5, 0}); // of a block that is the only one
    for (std::size_t i = 0; i < 1200; i += 97) {
        REQUIRE(running(Key{1, 5, 0}, whole.identity(0), i) == all[i]);
    }
    // Blocks of one size read from different places.
    Layout equal{{600, 600}};
    const auto z = equal.displaced(own, Key{1, 5, 0});
    CHECK_FALSE(std::equal(z.begin(), z.begin() + 600, z.begin() + 600));
}

TEST_CASE("A pool is drawn anew when it is to be, and the tables of a traversal stay") {
    Layout layout{{1000}};
    const ReusePool fixed{.index_bits = 8}, renewed{.index_bits = 8, .refresh_every = 10};
    const auto values = [&](const ReusePool& direction, std::uint64_t step) {
        auto z = layout.displaced(direction, Key{1, step, 0});
        std::sort(z.begin(), z.end());
        return std::set<float>{z.begin(), z.end()};
    };
    // Whole periods, so the scales differ a little with the start: compare the numbers over their largest.
    const auto shape = [&](const ReusePool& direction, std::uint64_t step) {
        const auto all = values(direction, step);
        std::vector<int> result;
        for (const float x : all) {
            result.push_back(static_cast<int>(std::lround(static_cast<double>(x / *all.rbegin()) * 1e4)));
        }
        return result;
    };
    CHECK(shape(fixed, 9) == shape(fixed, 10));
    CHECK(shape(renewed, 10) == shape(renewed, 19));
    CHECK(shape(renewed, 9) != shape(renewed, 10));

    // The keys of a traversal, however they lie: each can be drawn until the next traversal is over.
    for (const std::uint64_t apart : {1u, 3u, 10u, 1000u}) {
        TableRays<ReusePool> formed{renewed, layout.parameters.blocks(), 5, FastBackend{}};
        const std::size_t bytes = formed.bytes();
        std::vector<TableRay> before;
        std::vector<float> numbers_before;
        for (std::uint64_t first = 0; first < 300; ++first) {
            std::vector<Key> keys;
            for (std::uint64_t k = 0; k < 5; ++k) {
                keys.push_back(Key{1, first + k * apart, 0});
            }
            formed.prepare(keys, layout.parameters.blocks(), FastBackend{});
            for (std::size_t k = 0; k < before.size(); ++k) {
                REQUIRE(number_at(before[k], 0) == numbers_before[k]);
            }
            before.clear();
            numbers_before.clear();
            for (std::size_t k = 0; k < 5; ++k) {
                const float number = number_at(formed.ray(k, 0), 0);
                REQUIRE(number == renewed(keys[k], layout.identity(0), 0));
                before.push_back(formed.ray(k, 0));
                numbers_before.push_back(number);
            }
            if (apart == 1) {
                REQUIRE(formed.bytes() == bytes); // nothing is taken after the constructor
            }
        }
        CHECK(formed.bytes() <= 5 * bytes); // ten pools: those of a traversal and of the one before it
    }
}

TEST_CASE("Both passes of a step stand along the same direction, and the update follows it") {
    Layout layout{{300, 40}};
    const ReusePool direction{.index_bits = 8, .power_of_two = true}; // of power-of-two steps: restoring is exact
    const Key key{6, 0, 0};
    std::vector<std::vector<float>> seen;
    {
        Optimizer optimizer{layout.parameters, TwoSidedRge{.direction = direction, .epsilon = 0x1p-6}, Sgd{.learning_rate = 0x1p-3},
                            Settings{.seed = 6}, FastBackend{}};
        optimizer.step([&] {
            seen.push_back(layout.weights);
            return seen.size() == 1 ? 0x1p-5 : 0.0;
        });
    }
    REQUIRE(seen.size() == 2);
    for (std::size_t b = 0; b < 2; ++b) {
        for (std::size_t i = 0; i < layout.identity(b).size(); ++i) {
            const float z = direction(key, layout.identity(b), i);
            const std::size_t at = layout.begin[b] + i;
            REQUIRE(seen[0][at] == 0x1p-6f * z);
            REQUIRE(seen[1][at] == -0x1p-6f * z);
            REQUIRE(layout.weights[at] == -0x1p-3f * z); // coefficient 1
        }
    }
}

TEST_CASE("Momentum over a window, settled lazily across refreshes, moves along the directions of its keys") {
    Layout layout{{90, 33}};
    const ReusePool direction{.index_bits = 5, .refresh_every = 2};
    std::vector<double> expected(layout.weights.size());
    std::vector<double> coefficients;
    {
        Optimizer optimizer{layout.parameters, TwoSidedRge{.direction = direction, .epsilon = 1e-3, .queries = 2},
                            WindowedMomentum{.learning_rate = 1e-4, .momentum = 0.5, .window = 5},
                            Settings{.seed = 8, .restore = Exact{}, .settling = Settling::lazily}, FastBackend{}};
        for (std::uint64_t step = 0; step < 13; ++step) {
            int call = 0;
            const StepReport report = optimizer.step([&] {
                double sum = 0;
                for (const float w : layout.weights) {
                    sum += static_cast<double>(w);
                }
                return sum + ++call * 1e-3;
            });
            for (const Term& term : report.terms) {
                coefficients.push_back(term.coefficient);
            }
            for (std::size_t age = 0; age < 5 && age <= step; ++age) {
                for (std::uint32_t q = 0; q < 2; ++q) {
                    const double c = -1e-4 * std::pow(0.5, static_cast<double>(age)) * coefficients[2 * (step - age) + q];
                    for (std::size_t b = 0; b < 2; ++b) {
                        for (std::size_t i = 0; i < layout.identity(b).size(); ++i) {
                            expected[layout.begin[b] + i] +=
                                c * static_cast<double>(direction(Key{8, step - age, q}, layout.identity(b), i));
                        }
                    }
                }
            }
        }
        optimizer.settle();
    }
    double largest = 0;
    for (const double w : expected) {
        largest = std::max(largest, std::abs(w));
    }
    REQUIRE(largest > 1e-4);
    for (std::size_t i = 0; i < expected.size(); ++i) {
        CHECK(std::abs(static_cast<double>(layout.weights[i]) - expected[i]) < 1e-4 * largest);
    }
}

TEST_CASE("Masks and forward gradients take a pool's directions") {
    Layout layout{{400, 70}};
    const ReusePool pool{.index_bits = 7, .refresh_every = 1};
    const Masked direction{pool, Bernoulli{.keep = 0.4}};
    const Key key{2, 3, 0};
    const auto z = layout.displaced(direction, key);
    CHECK(layout.displaced(direction, {key}, FloatReference{}) == z);
    for (std::size_t i = 0; i < 400; ++i) {
        const float whole = pool(key, layout.identity(0), i);
        REQUIRE(z[i] == (direction.mask(key, layout.identity(0), i) ? whole : 0.0f));
    }

    std::fill(layout.weights.begin(), layout.weights.end(), 0.0f);
    Optimizer optimizer{layout.parameters, ForwardGradient{.direction = pool, .queries = 3}, Sgd{.learning_rate = 1},
                        Settings{.seed = 2, .first_step = 3}, FastBackend{}};
    std::vector<float> expected(layout.weights.size());
    std::uint32_t query = 0;
    optimizer.step([&](const Tangent& tangent) {
        std::vector<float> along(400);
        tangent.fill(0, along);
        for (std::size_t i = 0; i < 400; ++i) {
            REQUIRE(along[i] == pool(Key{2, 3, query}, layout.identity(0), i));
        }
        ++query;
        return DirectionalLoss{1.0, 3.0};
    });
    for (std::size_t i = 0; i < 400; ++i) {
        double sum = 0;
        for (std::uint32_t q = 0; q < 3; ++q) {
            sum -= static_cast<double>(pool(Key{2, 3, q}, layout.identity(0), i));
        }
        REQUIRE(std::abs(static_cast<double>(layout.weights[i]) - sum) < 1e-5);
    }
}

TEST_CASE("Shifting and adding whole numbers moves weights to the bits of floating-point arithmetic") {
    constexpr float quantum = 0x1p-20f;
    for (const int entry : {2, 9, 14}) {
        const ReusePool direction{.index_bits = 7, .entry_bits = entry, .refresh_every = 5, .power_of_two = true};
        IntegerPool integers{direction};
        for (const std::size_t size : {1u, 2u, 3u, 65u, 126u, 127u, 128u, 1000u, 5000u}) {
            Layout layout{{size}};
            std::vector<std::int32_t> quanta(size);
            for (std::size_t i = 0; i < size; ++i) {
                quanta[i] = static_cast<std::int32_t>(i * 7919 % 100003) - 50000;
                layout.weights[i] = static_cast<float>(quanta[i]) * quantum;
            }
            for (std::uint64_t step = 0; step < 12; ++step) {
                const Key key{3, step, static_cast<std::uint32_t>(step % 3)};
                traverse(FastBackend{}, layout.parameters.blocks(), direction, {key}, {step % 2 == 0 ? 0x1p-6 : -0x1p-6}, Displace{});
                integers.displace(quanta, key, layout.identity(0), step % 2 != 0, 14);
                for (std::size_t i = 0; i < size; ++i) {
                    REQUIRE(layout.weights[i] == static_cast<float>(quanta[i]) * quantum);
                }
            }
        }
    }
    // Sums wrap around: whatever the weights, there and back again is exact.
    IntegerPool wide{ReusePool{.index_bits = 5, .entry_bits = 2, .power_of_two = true}};
    std::vector<std::int32_t> large(62);
    for (std::size_t i = 0; i < large.size(); ++i) {
        large[i] = i % 2 == 0 ? 1 << 30 : -(1 << 30);
    }
    const std::vector<std::int32_t> base = large;
    const BlockIdentity of_large{hash_name("large"), large.size(), 1};
    const int exponent = 29 - wide.read(Key{}, of_large).scale_exponent;
    wide.displace(large, Key{}, of_large, false, exponent);
    CHECK(large != base);
    wide.displace(large, Key{}, of_large, true, exponent);
    CHECK(large == base);
    std::vector<std::int32_t> quanta(100);
    const BlockIdentity block{hash_name("a"), 100, 1}, huge{hash_name("a"), std::uint64_t{1} << 25, 1};
    IntegerPool integers{ReusePool{.power_of_two = true}};
    CHECK(integers.read(Key{}, block).scale_exponent == -13);
    CHECK_THROWS_AS(integers.displace(quanta, Key{}, block, false, 12), std::invalid_argument);
    CHECK_NOTHROW(integers.displace(quanta, Key{}, block, false, 13));
    CHECK_THROWS_AS(integers.displace(quanta, Key{}, block, false, 31), std::invalid_argument);
    CHECK_THROWS_AS(integers.displace(quanta, Key{}, huge, false, 13), std::invalid_argument);
    CHECK_THROWS_AS(static_cast<void>(integers.read(Key{}, huge)), std::invalid_argument);
    CHECK_THROWS_AS(IntegerPool{ReusePool{}}, std::invalid_argument);
    CHECK_THROWS_AS((IntegerPool{ReusePool{.power_of_two = true, .running_index = true}}), std::invalid_argument);
}

TEST_CASE("The mixed pool's numbers are white, Gaussian in their moments, and the same on all machines") {
    constexpr std::size_t n = WhiteNumbers::size;
    const WhiteNumbers& table = WhiteNumbers::table();
    std::uint64_t hash = 0xCBF29CE484222325u;
    double squares = 0, fourth = 0;
    std::vector<float> magnitudes;
    for (std::size_t i = 0; i < n + WhiteNumbers::stretch; ++i) {
        REQUIRE(table.numbers[i] == table.numbers[i % n]);
        if (i < n) {
            hash = (hash ^ ScalarLanes::bits(table.numbers[i])) * 0x100000001B3u;
            const auto p = static_cast<double>(table.numbers[i]);
            squares += p * p / n;
            fourth += p * p * p * p / n;
            magnitudes.push_back(std::abs(table.numbers[i]));
        }
    }
    CHECK(hash == 0xC0DFAB4D9C092DE1u);
    // z = +-p_a +- p_b, a != b: exactly.
    CHECK(std::abs(2 * squares - 1) < 1e-8);
    CHECK(std::abs(2 * fourth + 6 * (n * squares * squares - fourth) / (n - 1) - 3) < 1e-3);
    for (std::size_t lag = 1; lag < n; ++lag) {
        double sum = 0;
        for (std::size_t i = 0; i < n; ++i) {
            sum += static_cast<double>(table.numbers[i]) * static_cast<double>(table.numbers[(i + lag) % n]);
        }
        REQUIRE(std::abs(2 * sum / n) < 1e-8);
    }
    std::sort(magnitudes.begin(), magnitudes.end());
    CHECK(magnitudes[n - 1] + magnitudes[n - 2] <= MixedPool::largest);
}

TEST_CASE("Every backend mixes the pool alike, and so does random access") {
    for (const std::size_t size : {1u, 15u, 17u, 130u, 1023u, 1024u, 1025u, 5000u}) {
        Layout layout{{size, size / 2 + 3, 0, 3000}};
        for (std::uint32_t count = 1; count <= 5; ++count) {
            std::vector<Key> keys;
            for (std::uint32_t k = 0; k < count; ++k) {
                keys.push_back(Key{11, 2 + k / 2, k});
            }
            const auto expected = layout.displaced(MixedPool{}, keys, FloatReference{});
            CHECK(layout.displaced(MixedPool{}, keys, FastBackend{}) == expected);
            CHECK(layout.displaced(MixedPool{}, keys, Threads<FastBackend>{{}, 3, 1}) == expected);
            if (count == 1) {
                for (std::size_t b : {0u, 1u, 3u}) {
                    for (std::size_t i = 0; i < layout.identity(b).size(); i += 7) {
                        REQUIRE(MixedPool{}(keys[0], layout.identity(b), i) == expected[layout.begin[b] + i]);
                    }
                }
            }
        }
    }
    Layout layout{{2000}};
    const Masked direction{MixedPool{}, Bernoulli{.keep = 0.5}};
    const auto masked = layout.displaced(direction, Key{1, 1, 0}), whole = layout.displaced(MixedPool{}, Key{1, 1, 0});
    for (std::size_t i = 0; i < 2000; ++i) {
        REQUIRE(masked[i] == (direction.mask(Key{1, 1, 0}, layout.identity(0), i) ? whole[i] : 0.0f));
    }
}

TEST_CASE("The mixed pool's stretches, blocks and keys are uncorrelated, and each number of zero mean and unit variance") {
    // Elements of one stretch, of the next, and of another block.
    Layout layout{{3000, 100}};
    const std::size_t at[] = {0, 1, 17, 1023, 1024, 1041, 2047, 2048, 2999, 3000, 3001, 3099};
    constexpr std::size_t count = std::size(at);
    constexpr int draws = 20000;
    double mean[count] = {}, second[count][count] = {}, serial[count] = {};
    float last[count] = {};
    for (std::uint64_t draw = 0; draw < draws; ++draw) {
        const auto z = layout.displaced(MixedPool{}, Key{5, draw / 2, static_cast<std::uint32_t>(draw % 2)});
        for (std::size_t i = 0; i < count; ++i) {
            const auto x = static_cast<double>(z[at[i]]);
            mean[i] += x / draws;
            serial[i] += x * static_cast<double>(last[i]) / draws;
            last[i] = z[at[i]];
            for (std::size_t j = 0; j < count; ++j) {
                second[i][j] += x * static_cast<double>(z[at[j]]) / draws;
            }
        }
    }
    for (std::size_t i = 0; i < count; ++i) {
        CHECK(std::abs(mean[i]) < 5 / std::sqrt(draws));
        CHECK(std::abs(serial[i]) < 5 / std::sqrt(draws));
        for (std::size_t j = 0; j < count; ++j) {
            CHECK(std::abs(second[i][j] - (i == j ? 1 : 0)) < 5 * std::sqrt((i == j ? 2.0 : 1.0) / draws));
        }
    }
}

TEST_CASE("Pools out of range are refused") {
    CHECK_NOTHROW(ReusePool{}.validate());
    CHECK_THROWS_AS((ReusePool{.index_bits = 3}.validate()), std::invalid_argument);
    CHECK_THROWS_AS((ReusePool{.index_bits = 17}.validate()), std::invalid_argument);
    CHECK_THROWS_AS((ReusePool{.entry_bits = 1}.validate()), std::invalid_argument);
    CHECK_THROWS_AS((ReusePool{.entry_bits = 17}.validate()), std::invalid_argument);
    Layout layout{{10}};
    CHECK_THROWS_AS((Optimizer{layout.parameters, TwoSidedRge{.direction = ReusePool{.index_bits = 99}}, Sgd{}, {}, FastBackend{}}), std::invalid_argument);
}
