// What directions form ahead of a traversal: what stays, when memory is taken, who is told of it.

#include "allocations.hpp"
#include "directions/displaced.hpp"

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

void form(FormedAhead<Formed>& ahead, int name) {
    if (ahead.ask(name) == nullptr) {
        ++formed_so_far;
        ahead.make_room(name, [] { return Formed{}; }).content = 10 * name;
    }
}
bool has(const FormedAhead<Formed>& ahead, int name) {
    const Formed* const found = ahead.find(name);
    return found != nullptr && found->content == 10 * name;
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
    form(ahead, 1);
    form(ahead, 2);
    CHECK(ahead.size() == 2);
    form(ahead, 3); // of the same traversal: nothing makes room
    CHECK(ahead.size() == 3);
    CHECK((has(ahead, 1) && has(ahead, 2) && has(ahead, 3)));
    form(ahead, 4);
    form(ahead, 2);
    CHECK((has(ahead, 1) && has(ahead, 2) && has(ahead, 3) && has(ahead, 4)));
    CHECK(ahead.size() == 4);
    form(ahead, 5); // 1 and 3 are of the traversal before the last
    CHECK_FALSE(has(ahead, 1));
    CHECK((has(ahead, 2) && has(ahead, 3) && has(ahead, 4) && has(ahead, 5)));
    CHECK(ahead.size() == 4);
    CHECK(formed_so_far == 5);

    const FormedAhead<Formed> copy = ahead;
    CHECK((has(copy, 2) && has(copy, 5)));
    // The memory for one more is taken before anything is given up.
    for (const int name : {6, 7, 8, 9}) {
        form(ahead, name);
    }
    CHECK(ahead.ask(10) == nullptr);
    CHECK_THROWS_AS(ahead.make_room(10, []() -> Formed { throw std::bad_alloc{}; }), std::bad_alloc);
    CHECK_FALSE(has(ahead, 10));
    CHECK((has(ahead, 5) && has(ahead, 6) && has(ahead, 7) && has(ahead, 8) && has(ahead, 9)));
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
    ReusePool pool{.refresh_every = 1};
    pool.reserve(none.parameters.blocks(), 3);
    const std::size_t bytes = pool.state_bytes();
    for (std::uint64_t step = 0; step < 50; ++step) {
        pool.form(Key{1, step, 0});
    }
    CHECK(pool.state_bytes() == bytes);
}

TEST_CASE("A MixedPool allocates nothing once the cursor is made") { // by itself: another test may have made the table
    static_assert(FormedDirection<MixedPool, std::span<const Block>>);
    static_assert(FormedDirection<Masked<MixedPool, Bernoulli>, std::span<const Block>>);
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
