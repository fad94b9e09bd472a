#include "rates.hpp"

#include <zeroth/cursor.hpp>
#include <zeroth/directions/rademacher.hpp>
#include <zeroth/parameters/parameters.hpp>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <limits>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

using namespace zeroth;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::MessageMatches;

namespace own {

/// A user's 16-bit type, with a bfloat16's bits.
struct Brain {
    std::uint16_t bits = 0;
};

} // namespace own

template <>
struct zeroth::scalar_traits<own::Brain> {
    static constexpr zeroth::ScalarType type = zeroth::ScalarType::bfloat16;
};

namespace {

using CursorType = Cursor<Rademacher>;

} // namespace

TEST_CASE("Parameters count blocks, weights and bytes, and own none of them") {
    std::vector<float> single(6);
    std::vector<double> twice(5);
    std::vector<bfloat16> brain(4);
    std::vector<float16> half(3);
    std::vector<own::Brain> users(2);
    Parameters parameters;
    parameters.add("single", std::span{single}, {.rows = 2, .columns = 3});
    parameters.add("twice", std::span{twice});
    parameters.add("brain", std::span{brain});
    parameters.add("half", std::span{half});
    parameters.add("users", std::span{users});
    CHECK(parameters.size() == 20);
    CHECK(parameters.bytes() == 6 * 4 + 5 * 8 + 9 * 2);
    const std::span<const Block> blocks = parameters.blocks();
    REQUIRE(blocks.size() == 5);
    CHECK(blocks[0].name == "single");
    CHECK(blocks[0].data == single.data());
    CHECK(blocks[0].identity == BlockIdentity{hash_name("single"), 2, 3});
    CHECK(blocks[1].identity == BlockIdentity{hash_name("twice"), 5, 1});
    CHECK(blocks[0].type == ScalarType::float32);
    CHECK(blocks[1].type == ScalarType::float64);
    CHECK(blocks[2].type == ScalarType::bfloat16);
    CHECK(blocks[3].type == ScalarType::float16);
    CHECK(blocks[4].type == ScalarType::bfloat16);
}

TEST_CASE("A block is known by its name alone, wherever it stands") {
    // Published values of FNV-1a, 64 bits.
    CHECK(hash_name("") == 0xCBF29CE484222325u);
    CHECK(hash_name("a") == 0xAF63DC4C8601EC8Cu);
    CHECK(hash_name("foobar") == 0x85944171F73967E8u);
    std::vector<float> a(2);
    std::vector<float> b(3);
    Parameters one_order;
    one_order.add("a", std::span{a});
    one_order.add("b", std::span{b});
    Parameters other_order;
    other_order.add("b", std::span{b});
    other_order.add("a", std::span{a});
    CHECK(one_order.blocks()[0].identity == other_order.blocks()[1].identity);
    CHECK(one_order.blocks()[1].identity == other_order.blocks()[0].identity);
    CHECK(one_order.blocks()[0].identity.hash != one_order.blocks()[1].identity.hash);
}

TEST_CASE("A block that cannot be is refused by its name") {
    std::vector<float> w(6);
    Parameters parameters;
    parameters.add("taken", std::span{w});
    const auto add = [&](const char* name, std::size_t count, Shape shape) {
        parameters.add(name, std::span{w}.first(count), shape);
    };
    CHECK_THROWS_MATCHES(add("taken", 6, {}), std::invalid_argument, MessageMatches(ContainsSubstring("'taken'")));
    const Shape wrong[] = {{2, 2}, {3, 3}, {6, 0}, {0, 6}, {7, 1}, {1, 5}};
    for (const Shape shape : wrong) {
        INFO(shape.rows << " x " << shape.columns);
        CHECK_THROWS_MATCHES(add("bent", 6, shape), std::invalid_argument, MessageMatches(ContainsSubstring("'bent'")));
    }
    // A product that wraps round to the right size.
    CHECK_THROWS_MATCHES(add("wrapped", 4, {std::size_t{1} << 63, 8}), std::invalid_argument,
                         MessageMatches(ContainsSubstring("'wrapped'")));
    CHECK_THROWS_MATCHES(add("wrapped", 4, {(std::size_t{1} << 62) + 1, 4}), std::invalid_argument,
                         MessageMatches(ContainsSubstring("'wrapped'")));
    CHECK_THROWS_MATCHES(parameters.add_memory("nowhere", nullptr, ScalarType::float32, 4), std::invalid_argument,
                         MessageMatches(ContainsSubstring("'nowhere'") && ContainsSubstring("null")));
    // What was refused was not added, and what is right is.
    CHECK(parameters.blocks().size() == 1);
    CHECK_NOTHROW(add("bent", 6, {2, 3}));
    CHECK_NOTHROW(parameters.add_memory("empty", nullptr, ScalarType::float32, 0));
    CHECK(parameters.size() == 12);
}

TEST_CASE("Blocks that share memory are refused by a cursor, neighbours are not") {
    std::vector<float> w(8);
    const auto make = [&](std::size_t first_size, std::size_t second_begin, std::size_t second_size) {
        Parameters parameters;
        parameters.add("first", std::span{w}.first(first_size));
        parameters.add("second", std::span{w}.subspan(second_begin, second_size));
        CursorType{parameters, Rademacher{}, InPlace{}, Reference{}, 1.0, 1};
    };
    CHECK_NOTHROW(make(4, 4, 4));
    const std::size_t sharing[][3] = {{5, 4, 4}, {8, 2, 3}, {8, 0, 8}};
    for (const auto& [first_size, second_begin, second_size] : sharing) {
        CHECK_THROWS_MATCHES(make(first_size, second_begin, second_size), std::invalid_argument,
                             MessageMatches(ContainsSubstring("'first'") && ContainsSubstring("'second'")));
    }
    Parameters backwards;
    backwards.add("upper", std::span{w}.subspan(3));
    backwards.add("lower", std::span{w}.first(4));
    CHECK_THROWS_MATCHES((CursorType{backwards, Rademacher{}, InPlace{}, Reference{}, 1.0, 1}), std::invalid_argument,
                         MessageMatches(ContainsSubstring("'upper'") && ContainsSubstring("'lower'")));
}

TEST_CASE("The hook hears of every traversal's blocks, after it") {
    std::vector<float> a(3, 1.0f);
    std::vector<float> b(2, 1.0f);
    Parameters parameters;
    parameters.add("a", std::span{a});
    parameters.add("b", std::span{b});
    int calls = 0;
    std::vector<float> seen;
    parameters.on_change([&](std::span<const Block> blocks) {
        ++calls;
        REQUIRE(blocks.size() == 2);
        CHECK(blocks[0].data == a.data());
        CHECK(blocks[1].name == "b");
        seen = a;
    });
    {
        CursorType cursor{parameters, Rademacher{}, InPlace{}, Reference{}, 1.0, 1};
        CHECK(calls == 0);
        const Key key{1, 2, 3};
        cursor.stand_at(Term{key, 0.5});
        CHECK(calls == 1);
        CHECK(seen == a);
        CHECK(std::abs(seen[0] - 1.0f) == 0.5f);
        cursor.stand_at(Term{key, 0.5}); // nowhere to go
        CHECK(calls == 1);
        cursor.stand_at_base();
        CHECK(calls == 2);
        CHECK(seen == std::vector<float>(3, 1.0f));
        cursor.update(zeroth_test::descend(1.0, -1.0, key), std::vector<Term>{{key, 0.25}});
        CHECK(calls == 2);
    }
    CHECK(calls == 3);
    CHECK(std::abs(seen[0] - 1.0f) == 0.25f);
}

TEST_CASE("A user's 16-bit type is moved as the type whose bits it has") {
    std::vector<bfloat16> library(20);
    std::vector<own::Brain> users(20);
    for (std::size_t i = 0; i < library.size(); ++i) {
        library[i] = bfloat16{0.125f * static_cast<float>(i)};
        users[i].bits = library[i].bits;
    }
    const auto move = [](auto& values) {
        Parameters parameters;
        parameters.add("w", std::span{values});
        CursorType cursor{parameters, Rademacher{}, InPlace{}, Reference{}, 1.0, 1};
        cursor.update(zeroth_test::descend(1.0, 1.0, Key{}), std::vector<Term>{{Key{5, 6, 7}, 0.25}});
    };
    move(library);
    move(users);
    int changed = 0;
    for (std::size_t i = 0; i < library.size(); ++i) {
        CHECK(library[i].bits == users[i].bits);
        changed += static_cast<float>(library[i]) != 0.125f * static_cast<float>(i) ? 1 : 0;
    }
    CHECK(changed == 20);
}

TEST_CASE("Factors of the rate and of the decay are a block's own, or set by a pattern of names") {
    std::vector<float> w(8);
    Parameters parameters;
    parameters.add("layers.0.w", std::span{w}.first(2), {}, {.rate = 2});
    parameters.add("layers.0.bias", std::span{w}.subspan(2, 2));
    parameters.add("layers.1.bias", std::span{w}.subspan(4, 2), {}, {.rate = 3, .weight_decay = 0.5});
    parameters.add("head", std::span{w}.subspan(6), {}, {.space = MemorySpace::device});
    const auto factors = [&](std::size_t b) {
        const BlockOptions& options = parameters.blocks()[b].options;
        return std::vector<double>{options.rate, options.weight_decay};
    };
    CHECK(factors(0) == std::vector<double>{2, 1});
    CHECK(factors(1) == std::vector<double>{1, 1});
    CHECK(factors(2) == std::vector<double>{3, 0.5});
    parameters.set_factors("*.bias", {.weight_decay = 0});
    CHECK(factors(0) == std::vector<double>{2, 1});
    CHECK(factors(1) == std::vector<double>{1, 0});
    CHECK(factors(2) == std::vector<double>{1, 0}); // both are set
    CHECK(factors(3) == std::vector<double>{1, 1});
    parameters.set_factors("*", {.rate = 0.25, .weight_decay = 4});
    for (std::size_t b = 0; b < 4; ++b) {
        CHECK(factors(b) == std::vector<double>{0.25, 4});
    }
    CHECK(parameters.blocks()[3].options.space == MemorySpace::device); // stays where it lies
    parameters.set_factors("head", {});
    CHECK(factors(3) == std::vector<double>{1, 1});
    CHECK(factors(2) == std::vector<double>{0.25, 4});
}

TEST_CASE("Factors out of range are refused by name, and patterns that fit nothing") {
    std::vector<float> w(2);
    Parameters parameters;
    parameters.add("w", std::span{w}.first(1));
    CHECK_THROWS_MATCHES(parameters.set_factors("bias*", {}), std::invalid_argument, MessageMatches(ContainsSubstring("pattern 'bias*' fits no block's name")));
    for (const double wrong : {-1.0, std::numeric_limits<double>::infinity(), std::numeric_limits<double>::quiet_NaN()}) {
        CHECK_THROWS_MATCHES(parameters.set_factors("*", {.rate = wrong}), std::invalid_argument, MessageMatches(ContainsSubstring("zeroth: rate is ")));
        CHECK_THROWS_MATCHES(parameters.set_factors("*", {.weight_decay = wrong}), std::invalid_argument,
                             MessageMatches(ContainsSubstring("zeroth: weight_decay is ")));
        CHECK_THROWS_MATCHES(parameters.add("v", std::span{w}.subspan(1), {}, {.rate = wrong}), std::invalid_argument,
                             MessageMatches(ContainsSubstring("zeroth: rate is ")));
        CHECK_THROWS_MATCHES(parameters.add("v", std::span{w}.subspan(1), {}, {.weight_decay = wrong}), std::invalid_argument,
                             MessageMatches(ContainsSubstring("zeroth: weight_decay is ")));
    }
    CHECK(parameters.blocks().size() == 1);
    CHECK(parameters.blocks()[0].options.rate == 1);
}
