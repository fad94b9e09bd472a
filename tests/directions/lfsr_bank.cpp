// Banks of shift registers: the registers themselves, directions replayed from their states, the same bits from every backend.

#include "directions/displaced.hpp"

#include <zeroth/directions/lfsr_bank.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cmath>
#include <cstdint>
#include <set>
#include <span>
#include <stdexcept>
#include <vector>

using namespace zeroth_test;

namespace {

static_assert(VectorDirection<LfsrBank> && needs_all_blocks_of<LfsrBank>);
static_assert(lfsr_skip(1, 3, 8) == lfsr_step(lfsr_step(lfsr_step(1, 8), 8), 8));

/// The states of the registers in the order that z reads them, from the first numbers: of m elements at the start of a row.
std::vector<std::uint32_t> states(const LfsrBank& direction, const std::vector<float>& z, float scale) {
    std::vector<std::uint32_t> result;
    for (std::uint32_t r = 0; r < direction.registers; ++r) {
        result.push_back(static_cast<std::uint32_t>(std::lround(z[r] / scale) + (1 << (direction.register_bits - 1))));
    }
    return result;
}

/// The scale of a key, from the squares of the numbers that it multiplies.
float scale_of(const LfsrBank& direction, const Layout& layout, const Key& key) { return prepared(layout, direction, {key}).rays().ray(0, 0).scale; }

} // namespace

TEST_CASE("Registers of 4 to 16 bits go through all states but 0, and powers of the step skip ahead") {
    for (int bits = 4; bits <= 16; ++bits) {
        INFO("bits " << bits);
        const std::uint32_t period = (1u << bits) - 1;
        std::vector<bool> seen(std::size_t{period} + 1);
        std::uint32_t state = 1;
        double mean = 0, squares = 0;
        for (std::uint32_t t = 0; t < period; ++t) {
            REQUIRE(state != 0);
            REQUIRE(state <= period);
            REQUIRE_FALSE(seen[state]);
            seen[state] = true;
            const double x = static_cast<double>(state) - (1 << (bits - 1));
            mean += x;
            squares += x * x;
            if (t % (period / 15) == 0) {
                REQUIRE(lfsr_skip(1, t, bits) == state);
                REQUIRE(lfsr_skip(state, 5 * std::uint64_t{period} - t, bits) == 1);
            }
            state = lfsr_step(state, bits);
        }
        CHECK(state == 1);
        CHECK(mean == 0);
        const double most = (1 << (bits - 1)) - 1;
        CHECK(squares == period * most * (most + 1) / 3);
    }
}

TEST_CASE("Stepping the registers gives a direction's numbers, and skipping ahead the next key's") {
    for (const LfsrBank& direction : {LfsrBank{}, LfsrBank{.registers = 7, .register_bits = 10}}) {
        const std::uint32_t m = direction.registers, period = (1u << direction.register_bits) - 1;
        const std::size_t n = 3 * m * period + 5;
        Layout layout{{n}};
        const Key key{4, 12, 0};
        const auto z = layout.displaced(direction, key), next = layout.displaced(direction, Key{4, 13, 0});
        const float scale = scale_of(direction, layout, key);
        auto state = states(direction, z, scale);
        CHECK(std::set<std::uint32_t>{state.begin(), state.end()}.size() == m); // each at a phase of its own
        const auto first = state;
        for (std::size_t i = 0; i < n; ++i) {
            std::uint32_t& of = state[i % m];
            REQUIRE(z[i] == scale * static_cast<float>(static_cast<int>(of) - (1 << (direction.register_bits - 1))));
            of = lfsr_step(of, direction.register_bits);
        }
        const std::uint64_t shift = coprime_from((n + m - 1) / m, period);
        const auto then = states(direction, next, scale_of(direction, layout, Key{4, 13, 0}));
        for (std::uint32_t r = 0; r < m; ++r) {
            REQUIRE(then[r] == lfsr_skip(first[(r + 1) % m], shift, direction.register_bits));
        }
    }
}

TEST_CASE("The bank's norm is a Gaussian vector's") {
    for (const bool rounded : {false, true}) {
        const LfsrBank direction{.power_of_two = rounded};
        Layout layout{{2, 30, 31, 32, 64, 65, 1000, 31 * 255 - 1, 31 * 255, 31 * 255 + 1, 40000}};
        for (std::uint64_t step = 0; step < 30; ++step) {
            const auto z = layout.displaced(direction, Key{9, step * step, 0});
            for (std::size_t b = 0; b < layout.begin.size(); ++b) {
                const auto n = static_cast<std::size_t>(layout.identity(b).size());
                const double ratio = norm(std::span{z}.subspan(layout.begin[b], n)) / std::sqrt(static_cast<double>(n) - 0.5);
                INFO("step " << step << ", size " << n << ", ratio " << ratio);
                REQUIRE(std::abs(ratio - 1) < (rounded ? 0.41422 : 1e-6));
                for (std::size_t i = 0; i < n; ++i) {
                    REQUIRE(std::abs(z[layout.begin[b] + i]) <= LfsrBank::largest);
                }
            }
        }
    }
    // One element, which is 0 at one time of the cycle.
    Layout one{{1}};
    int zeros = 0;
    for (std::uint64_t step = 0; step < 255; ++step) {
        const float z = one.displaced(LfsrBank{.registers = 1}, Key{9, step, 0})[0];
        zeros += z == 0 ? 1 : 0;
        CHECK((z == 0 || std::abs(std::abs(static_cast<double>(z)) - std::sqrt(0.5)) < 1e-6));
    }
    CHECK(zeros == 1);
}

TEST_CASE("A bank's directions recur after the common multiple of registers and period, and a step's queries differ") {
    const LfsrBank direction{.registers = 4, .register_bits = 4};
    for (const std::size_t size : {60u, 61u, 64u, 240u}) {
        Layout layout{{size}};
        std::set<std::vector<float>> steps, queries;
        for (std::uint32_t k = 0; k < 60; ++k) {
            steps.insert(layout.displaced(direction, Key{3, k, 0}));
            queries.insert(layout.displaced(direction, Key{3, 7, k}));
            REQUIRE(layout.displaced(direction, Key{3, k, 0}) == layout.displaced(direction, Key{3, k + 60, 0}));
        }
        CHECK(steps.size() == 60);
        CHECK(queries.size() == 60);
    }
    Layout layout{{500}};
    const LfsrBank renewed{.refresh_every = 10};
    CHECK(layout.displaced(LfsrBank{}, Key{3, 9, 0}) == layout.displaced(renewed, Key{3, 9, 0}));
    CHECK(layout.displaced(LfsrBank{}, Key{3, 10, 0}) != layout.displaced(renewed, Key{3, 10, 0}));
}

TEST_CASE("Elements a bank apart are correlated as a register's states are, others not") {
    constexpr int draws = 10000;
    const LfsrBank direction{.registers = 9, .register_bits = 6};
    Layout layout{{200}};
    double mean[40] = {}, second[40][40] = {};
    for (std::uint64_t draw = 0; draw < draws; ++draw) {
        const auto z = layout.displaced(direction, Key{draw, 3 * draw, 0});
        for (std::size_t i = 0; i < 40; ++i) {
            mean[i] += static_cast<double>(z[i]) / draws;
            for (std::size_t j = 0; j < 40; ++j) {
                second[i][j] += static_cast<double>(z[i]) * static_cast<double>(z[j]) / draws;
            }
        }
    }
    for (std::size_t i = 0; i < 40; ++i) {
        CHECK(std::abs(mean[i]) < 5 / std::sqrt(draws));
        for (std::size_t j = 0; j < 40; ++j) {
            const std::size_t apart = i > j ? i - j : j - i;
            const double expected = apart % 9 == 0 ? std::pow(0.5, static_cast<double>(apart / 9)) : 0;
            INFO(i << ", " << j << ": " << second[i][j]);
            // Of a short cycle of distinct phases, so not quite.
            CHECK(std::abs(second[i][j] - expected) < 5 / std::sqrt(draws) + 2.0 / 63);
        }
    }
}

TEST_CASE("Every backend reads a bank alike, for one, two and more keys, and so does random access") {
    for (const bool running : {false, true}) {
        const LfsrBank direction{.registers = 13, .register_bits = 7, .refresh_every = 3, .running_index = running};
        for (const std::size_t size : {1u, 17u, 1023u, 1025u, 5000u}) {
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
                    for (const std::size_t b : {0u, 1u, 3u}) {
                        for (std::size_t i = 0; i < layout.identity(b).size(); ++i) {
                            REQUIRE(number_at(formed.rays().ray(0, b), i) == expected[layout.begin[b] + i]);
                            if (!running && i % 197 == 0) { // by itself
                                REQUIRE(direction(keys[0], layout.identity(b), i) == expected[layout.begin[b] + i]);
                            }
                        }
                    }
                }
            }
        }
    }
    const LfsrBank running{.running_index = true};
    Layout layout{{700, 500}}, whole{{1200}};
    CHECK(layout.displaced(running, Key{1, 5, 0}) == whole.displaced(running, Key{1, 5, 0}));
    const auto z = whole.displaced(running, Key{1, 5, 0}); // of a block that is the only one
    for (std::size_t i = 0; i < 1200; i += 97) {
        REQUIRE(running(Key{1, 5, 0}, whole.identity(0), i) == z[i]);
    }
}

TEST_CASE("A lazily settling optimizer returns along a bank's directions, and takes no memory for it") {
    Layout layout{{300, 41}};
    const LfsrBank direction{.registers = 9, .register_bits = 6, .refresh_every = 2, .power_of_two = true};
    {
        Optimizer optimizer{layout.parameters, TwoSidedRge{.direction = direction, .epsilon = 0x1p-6, .queries = 2}, Sgd{.learning_rate = 1.0},
                            Settings{.seed = 3, .settling = Settling::lazily}, FastBackend{}};
        for (int step = 0; step < 9; ++step) {
            optimizer.step([] { return 1.0; }); // no difference, no update
        }
    }
    for (const float w : layout.weights) {
        REQUIRE(w == 0);
    }
    TableRays<LfsrBank> formed{direction, layout.parameters.blocks(), 4, FastBackend{}};
    const std::size_t bytes = formed.bytes();
    for (std::uint64_t step = 0; step < 100; ++step) {
        const std::vector<Key> keys{{1, step, 0}, {1, step, 1}};
        formed.prepare(keys, layout.parameters.blocks(), FastBackend{});
    }
    CHECK(formed.bytes() == bytes);
}

TEST_CASE("Banks out of range are refused") {
    CHECK_NOTHROW(LfsrBank{}.validate());
    CHECK_NOTHROW((LfsrBank{.registers = 4, .register_bits = 16}.validate()));
    CHECK_NOTHROW((LfsrBank{.registers = 511, .register_bits = 9}.validate()));
    CHECK_THROWS_AS((LfsrBank{.register_bits = 3}.validate()), std::invalid_argument);
    CHECK_THROWS_AS((LfsrBank{.register_bits = 17}.validate()), std::invalid_argument);
    CHECK_THROWS_AS((LfsrBank{.registers = 0}.validate()), std::invalid_argument);
    CHECK_THROWS_AS((LfsrBank{.registers = 16, .register_bits = 4}.validate()), std::invalid_argument);
    CHECK_THROWS_AS((LfsrBank{.registers = 5, .register_bits = 16}.validate()), std::invalid_argument);
    // The largest are formed, too.
    Layout layout{{3000}};
    CHECK(layout.displaced(LfsrBank{.registers = 511, .register_bits = 9}, Key{1, 2, 3}) ==
          layout.displaced(LfsrBank{.registers = 511, .register_bits = 9}, {Key{1, 2, 3}}, FloatReference{}));
}
