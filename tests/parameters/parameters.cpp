#include <zeroth/cursor.hpp>
#include <zeroth/directions/rademacher.hpp>
#include <zeroth/parameters/parameters.hpp>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

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
        cursor.update({1.0, -1.0, key}, std::vector<Term>{{key, 0.25}});
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
        cursor.update({1.0, 1.0, Key{}}, std::vector<Term>{{Key{5, 6, 7}, 0.25}});
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
