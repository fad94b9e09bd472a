// What directions form ahead of a traversal: what stays, when memory is taken, who is told of it.

#include "allocations.hpp"
#include "directions/displaced.hpp"
#include "rates.hpp"

#include <zeroth/block_optimizer.hpp>
#include <zeroth/directions/formed_ahead.hpp>
#include <zeroth/directions/lfsr_bank.hpp>
#include <zeroth/directions/low_rank.hpp>
#include <zeroth/directions/mixed_pool.hpp>
#include <zeroth/directions/reuse_pool.hpp>
#include <zeroth/directions/scaled.hpp>

#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>

#include <cmath>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

using namespace zeroth_test;

namespace {

struct Formed {
    int name = 0;
    int content = 0;
};

int formed_so_far = 0;

/// What a traversal of these names is prepared with: the places of their values.
std::vector<std::size_t> prepare(FormedAhead<Formed>& ahead, const std::vector<int>& names) {
    std::vector<std::size_t> places(names.size());
    ahead.prepare(
        std::span<const int>{names}, places.data(), [](int name) { return name; }, [] { return Formed{}; },
        [&](std::size_t k, Formed& value) {
            REQUIRE(value.name == names[k]);
            ++formed_so_far;
            value.content = 10 * names[k];
        });
    for (std::size_t k = 0; k < names.size(); ++k) {
        REQUIRE(ahead[places[k]].name == names[k]);
        REQUIRE(ahead[places[k]].content == 10 * names[k]);
    }
    return places;
}
bool has(const FormedAhead<Formed>& ahead, int name) {
    const std::size_t place = ahead.find(name);
    return place < ahead.size() && ahead[place].content == 10 * name;
}

/// Matrices of these shapes, of zeros.
struct Matrices {
    std::vector<std::vector<float>> weights;
    Parameters parameters{};

    explicit Matrices(const std::vector<Shape>& shapes) : weights(shapes.size()) {
        for (std::size_t b = 0; b < shapes.size(); ++b) {
            weights[b].resize(static_cast<std::size_t>(shapes[b].rows * shapes[b].columns));
            parameters.add(std::to_string(b), std::span{weights[b]}, shapes[b]);
        }
    }
};

std::vector<Term> six_terms() {
    std::vector<Term> terms;
    for (std::uint32_t k = 0; k < 6; ++k) {
        terms.push_back({Key{5, 100 * std::uint64_t{k}, k}, 0.25 * (k + 1)});
    }
    return terms;
}

} // namespace

TEST_CASE("What a traversal asks for stays for the next, and what was longest not asked for makes room") {
    FormedAhead<Formed> ahead;
    ahead.reserve(2, [] { return Formed{}; });
    formed_so_far = 0;
    CHECK_FALSE(has(ahead, 0)); // the name that values have before they are formed
    prepare(ahead, {1, 2});
    CHECK(ahead.size() == 2);
    prepare(ahead, {3}); // of the next traversal: nothing makes room
    CHECK(ahead.size() == 3);
    CHECK((has(ahead, 1) && has(ahead, 2) && has(ahead, 3)));
    prepare(ahead, {4, 2}); // 1 is of the traversal before the last; 2 is not given up for 4
    CHECK_FALSE(has(ahead, 1));
    CHECK((has(ahead, 2) && has(ahead, 3) && has(ahead, 4)));
    CHECK(ahead.size() == 3);
    prepare(ahead, {5, 6, 5}); // 3 alone makes room; a name that comes twice is formed once
    CHECK_FALSE(has(ahead, 3));
    CHECK((has(ahead, 2) && has(ahead, 4) && has(ahead, 5) && has(ahead, 6)));
    CHECK(ahead.size() == 4);
    CHECK(formed_so_far == 6);
    // What was longest not asked for makes room first: 4 was asked for before 2.
    prepare(ahead, {6});
    prepare(ahead, {7});
    CHECK((has(ahead, 5) && has(ahead, 6) && has(ahead, 7)));
    CHECK(has(ahead, 4) != has(ahead, 2));
    CHECK(ahead.size() == 4);
    prepare(ahead, {});
    CHECK(formed_so_far == 7);

    // Values stay where they are while they are there, so that rays may point to their memory.
    FormedAhead<Formed> steady;
    steady.reserve(3, [] { return Formed{}; });
    const auto places = prepare(steady, {1, 2});
    CHECK(prepare(steady, {2, 3, 1})[2] == places[0]);
    CHECK(prepare(steady, {2})[0] == places[1]);

    // The memory for one more is taken before anything is given up.
    FormedAhead<Formed> full;
    full.reserve(2, [] { return Formed{}; });
    prepare(full, {1, 2});
    const std::vector<int> more{2, 3};
    std::size_t at[2];
    const auto name_of = [](int name) { return name; };
    const auto no_memory = []() -> Formed { throw std::bad_alloc{}; };
    CHECK_THROWS_AS(full.prepare(std::span<const int>{more}, at, name_of, no_memory, [](std::size_t, Formed&) {}), std::bad_alloc);
    CHECK_FALSE(has(full, 3));
    CHECK((has(full, 1) && has(full, 2)));
    // A value whose forming threw is not there, and the next may have its place.
    CHECK_THROWS_AS(full.prepare(std::span<const int>{more}, at, name_of, [] { return Formed{}; },
                                 [](std::size_t, Formed&) { throw std::runtime_error{"not formed"}; }),
                    std::runtime_error);
    CHECK_FALSE(has(full, 3));
    CHECK(has(full, 2));
    prepare(full, {2, 3});
    CHECK(full.size() <= 3);
}

TEMPLATE_TEST_CASE("What a traversal was prepared with stays until the next is over, and going back takes no memory", "", ReusePool, LfsrBank,
                   LowRank<>, Sphere) {
    TestType direction{};
    if constexpr (requires { direction.refresh_every; }) {
        direction.refresh_every = 1;
    }
    Matrices model{{{40, 50}, {13, 1}}};
    const std::span<const Block> blocks = model.parameters.blocks();
    RaysOf<TestType, FastBackend> rays{direction, blocks, 3, FastBackend{}};
    const auto keys_of = [](std::uint64_t step) { return std::vector<Key>{{7, 10 * step, 0}, {7, 10 * step + 1, 1}, {7, 10 * step + 2, 0}}; };
    const auto numbers = [&](const auto& all) {
        std::vector<float> z;
        for (std::size_t k = 0; k < 3; ++k) {
            for (std::size_t i = 0; i < 2000; i += 333) {
                z.push_back(number_at(all[k], i));
            }
        }
        return z;
    };
    const auto rays_now = [&] {
        std::vector<RayIn<RaysOf<TestType, FastBackend>>> all;
        for (std::size_t k = 0; k < 3; ++k) {
            all.push_back(rays.ray(k, 0));
        }
        return all;
    };
    for (std::uint64_t step = 0; step < 20; ++step) {
        const std::vector<Key> there = keys_of(step), next = keys_of(step + 1);
        rays.prepare(there, blocks, FastBackend{});
        const auto at = rays_now();
        const std::vector<float> z = numbers(at);
        std::vector<double> scales;
        if constexpr (has_scales_of<TestType>) {
            for (std::size_t k = 0; k < 3; ++k) {
                scales.push_back(rays.scales(k)[0]);
            }
        }
        rays.prepare(next, blocks, FastBackend{});
        CHECK(numbers(at) == z);
        const std::size_t before = allocations;
        rays.prepare(there, blocks, FastBackend{});
        CHECK(allocations == before);
        CHECK(numbers(rays_now()) == z);
        for (std::size_t k = 0; k < scales.size(); ++k) {
            CHECK(rays.scales(k)[0] == scales[k]);
        }
    }
}

TEMPLATE_TEST_CASE("A displacement may have more terms than the cursor was made for, and needs no memory on the way back", "", ReusePool, LfsrBank,
                   LowRank<>, MixedPool) {
    TestType direction{};
    if constexpr (requires { direction.refresh_every; }) {
        direction.refresh_every = 7;
    }
    Matrices model{{{40, 50}, {13, 1}}};
    const std::vector<Term> terms = six_terms();
    Cursor<TestType, Snapshot, FastBackend> cursor{model.parameters, direction, Snapshot{}, FastBackend{}, 1.0, 1};
    for (int repeat = 0; repeat < 3; ++repeat) {
        cursor.stand_at(std::span<const Term>{terms});
        for (std::size_t i = 0; i < 2000; i += 17) {
            double z = 0;
            for (const Term& term : terms) {
                z += term.coefficient * static_cast<double>(direction(term.key, model.parameters.blocks()[0].identity, i));
            }
            REQUIRE(std::abs(static_cast<double>(model.weights[0][i]) - z) < 1e-4);
        }
        const std::size_t before = allocations;
        cursor.settle();
        CHECK(allocations == before);
        for (const float w : model.weights[0]) {
            REQUIRE(w == 0);
        }
    }
    // No more than it needs: a step's keys, as often as they come.
    cursor.stand_at(std::span<const Term>{terms});
    cursor.settle();
    const std::size_t bytes = cursor.state_bytes();
    for (int repeat = 0; repeat < 20; ++repeat) {
        cursor.stand_at(std::span<const Term>{terms});
        cursor.settle();
    }
    CHECK(cursor.state_bytes() == bytes);
}

TEMPLATE_TEST_CASE("Asking for other keys' rays leaves what a displacement and a pending update need", "", ReusePool, LfsrBank, LowRank<>) {
    TestType direction{};
    direction.refresh_every = 1;
    Matrices model{{{40, 50}, {13, 1}}};
    const std::vector<float> zeros = model.weights[0];
    Cursor<TestType, Exact, FastBackend> cursor{model.parameters, direction, Exact{}, FastBackend{}, 20.0, 1, 1};
    const auto look_about = [&] {
        for (std::uint64_t step = 10; step < 20; ++step) {
            const auto rays = cursor.rays_for(Key{5, step, 0});
            REQUIRE(rays.size() == 1);
            for (std::size_t i = 0; i < 2000; i += 501) {
                REQUIRE(number_at(rays.ray(0, 0), i) == direction(Key{5, step, 0}, model.parameters.blocks()[0].identity, i));
            }
        }
    };
    for (int repeat = 0; repeat < 2; ++repeat) {
        cursor.stand_at(Term{Key{5, 0, 0}, 0.25});
        CHECK(model.weights[0] != zeros);
        look_about();
        cursor.update(zeroth_test::descend(1, 0.5, Key{5, 1, 0}), std::vector<Term>{{Key{5, 1, 0}, 0.5}});
        look_about();
        const std::size_t before = allocations;
        cursor.stand_at(Term{Key{5, 0, 0}, -0.25});
        cursor.settle();
        CHECK(allocations == before);
        cursor.update(zeroth_test::descend(1, -0.5, Key{5, 1, 0}), std::vector<Term>{{Key{5, 1, 0}, 0.5}});
        cursor.settle();
        for (std::size_t i = 0; i < 2000; ++i) { // there and back, but for two roundings
            REQUIRE(std::abs(model.weights[0][i]) <= 0x1p-16f);
        }
        model.weights[0] = zeros;
        cursor.adopt();
    }
}

TEST_CASE("Factors of low rank take the memory of two epochs, however many queries a step has") {
    for (const Settling settling : {Settling::each_step, Settling::lazily}) {
        Matrices model{{{30, 48}, {24, 20}}};
        Optimizer optimizer{model.parameters, TwoSidedRge{.direction = LowRank<8>{.refresh_every = 1}, .queries = 64}, Sgd{.learning_rate = 1e-4},
                            Settings{.settling = settling}, FastBackend{}};
        const std::size_t bytes = 2 * 8 * (48 + 16 + 20 + 16) * sizeof(float);
        CHECK(optimizer.state_bytes() == bytes);
        std::size_t in_steps = 0;
        for (int step = 0; step < 4; ++step) {
            const std::size_t before = allocations;
            optimizer.step([&] { return static_cast<double>(model.weights[0][3]); });
            in_steps += allocations - before;
        }
        CHECK(optimizer.state_bytes() == bytes);
        CHECK(in_steps == 0);
    }
}

TEST_CASE("An optimizer's state has its direction's pools") {
    constexpr std::size_t pool = 12 * 4095 + 4096 + 8 + 3 * 4; // of three blocks
    Layout layout{{500, 40, 3000}};
    const auto state = [&](const auto& direction) {
        return Optimizer{layout.parameters, TwoSidedRge{.direction = direction}, Sgd{}, Settings{}, FastBackend{}}.state_bytes();
    };
    CHECK(state(ReusePool{}) == pool);
    CHECK(state(ReusePool{.refresh_every = 10}) == 2 * pool);
    CHECK(state(Masked{ReusePool{}, Bernoulli{}}) == pool);
    CHECK(state(Scaled{ReusePool{}, layout.parameters, std::vector<double>{1, 2, 3}}) == pool);
    CHECK(state(LfsrBank{}) % (4 * (31 * 255 + 1024) + 8 * 256 + 3 * 4) == 0);
    CHECK(state(LfsrBank{}) != 0);
}

TEST_CASE("A pool's memory does not grow with the steps, with whichever backend") {
    Layout layout{{300, 41}};
    const auto check = [&](const auto& direction) {
        Optimizer optimizer{layout.parameters, TwoSidedRge{.direction = direction, .queries = 3}, Sgd{.learning_rate = 1e-3},
                            Settings{.restore = Snapshot{}, .settling = Settling::lazily}, FloatReference{}};
        const std::size_t bytes = optimizer.state_bytes();
        std::size_t in_steps = 0;
        for (int step = 0; step < 30; ++step) {
            const std::size_t before = allocations;
            optimizer.step([&] { return static_cast<double>(layout.weights[3]); });
            in_steps += allocations - before;
        }
        CHECK(optimizer.state_bytes() == bytes);
        CHECK(in_steps == 0);
    };
    check(ReusePool{.refresh_every = 1});
    check(LfsrBank{.refresh_every = 1});
    check(LfsrBank{.registers = 3});
    // Parameters without a weight draw nothing.
    Layout none{{0}};
    TableRays<ReusePool> pool{ReusePool{.refresh_every = 1}, none.parameters.blocks(), 3, FastBackend{}};
    const std::size_t bytes = pool.bytes();
    for (std::uint64_t step = 0; step < 50; ++step) {
        const Key key{1, step, 0};
        pool.prepare({&key, 1}, none.parameters.blocks(), FastBackend{});
    }
    CHECK(pool.bytes() == bytes);
}

TEST_CASE("A MixedPool allocates nothing once the cursor is made") { // by itself: another test may have made the table
    static_assert(VectorDirection<Masked<MixedPool, Bernoulli>>);
    Layout layout{{3000}};
    Cursor<MixedPool, InPlace, FastBackend> cursor{layout.parameters, MixedPool{}, InPlace{}, FastBackend{}, 1.0, 1};
    const std::size_t before = allocations;
    cursor.stand_at(Term{Key{1, 2, 0}, 0.5});
    CHECK(allocations == before);
    CHECK(layout.weights[2] == 0.5f * MixedPool{}(Key{1, 2, 0}, layout.identity(0), 2));
}

TEST_CASE("With one index over all weights the parts of a BlockOptimizer move along numbers of their own") {
    const auto moved = [](const auto& direction) {
        Layout layout{{400, 400}};
        BlockOptimizer optimizer{partition_by_tensor(layout.parameters), TwoSidedRge{.direction = direction}, Sgd{.learning_rate = 1e-2}, {}, FastBackend{}};
        // Alike in both blocks.
        optimizer.step([&] { return static_cast<double>(layout.weights[7]) + static_cast<double>(layout.weights[407]); });
        return layout.weights;
    };
    const auto parallel = [](const std::vector<float>& w) {
        double product = 0, first = 0, second = 0;
        for (std::size_t i = 0; i < 400; ++i) {
            const auto a = static_cast<double>(w[i]), b = static_cast<double>(w[400 + i]);
            product += a * b;
            first += a * a;
            second += b * b;
        }
        REQUIRE((first > 0 && second > 0));
        return std::abs(product) / std::sqrt(first * second);
    };
    CHECK(parallel(moved(ReusePool{.running_index = true})) < 0.3);
    CHECK(parallel(moved(LfsrBank{.running_index = true})) < 0.3);
}
