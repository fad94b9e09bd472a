// A cursor makes one traversal from wherever it stands to wherever it is sent, the update of the base included.

#include "cursor/counting.hpp"
#include "rates.hpp"

#include <zeroth/directions/rademacher.hpp>

#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>

#include <cmath>
#include <span>
#include <vector>

using namespace zeroth;
using zeroth_test::Counting;
using zeroth_test::Traversals;

namespace {

constexpr std::size_t n = 40;
constexpr Key key_a{1, 2, 0};
constexpr Key key_b{1, 2, 1};

double z(const Key& key, std::size_t i) {
    return static_cast<double>(Rademacher{}(key, BlockIdentity{hash_name("w"), n, 1}, i));
}

/// Double weights under a counting backend, and where they ought to be.
template <class Restore>
struct Stand {
    std::vector<double> weights = std::vector<double>(n, 0.75);
    Traversals count;
    Cursor<Rademacher, Restore, Counting> cursor{parameters(), Rademacher{}, Restore{}, Counting{&count}, 0.5, 3};
    std::uint64_t seen = cursor.traversals();

    Parameters parameters() {
        Parameters result;
        result.add("w", std::span{weights});
        return result;
    }
    /// Traversals since the last call.
    std::uint64_t made() {
        const std::uint64_t before = seen;
        seen = cursor.traversals();
        return seen - before;
    }
    /// Whether every weight is its base plus the terms; to 1e-14, so that a wrong sign or a lost term cannot pass.
    bool at(double base_change_a, const std::vector<Term>& terms) const {
        bool result = true;
        for (std::size_t i = 0; i < n; ++i) {
            double expected = 0.75 + base_change_a * z(key_a, i);
            for (const Term& term : terms) {
                expected += term.coefficient * z(term.key, i);
            }
            result = result && std::abs(weights[i] - expected) < 1e-14;
        }
        return result;
    }
};

} // namespace

TEMPLATE_TEST_CASE("Each change of place is one traversal, and no change is none", "", InPlace, Snapshot, Exact) {
    Stand<TestType> stand;
    auto& cursor = stand.cursor;
    CHECK(cursor.settled());
    cursor.settle();
    cursor.stand_at_base();
    CHECK(stand.made() == 0);

    cursor.stand_at(Term{key_a, 0.25});
    CHECK(stand.made() == 1);
    CHECK_FALSE(cursor.settled());
    CHECK(stand.at(0, {{key_a, 0.25}}));
    cursor.stand_at(Term{key_a, 0.25});
    CHECK(stand.made() == 0);
    cursor.stand_at(Term{key_a, -0.25});
    CHECK(stand.made() == 1);
    CHECK(stand.at(0, {{key_a, -0.25}}));
    cursor.stand_at(Term{key_b, 0.125});
    CHECK(stand.made() == 1);
    CHECK(stand.at(0, {{key_b, 0.125}}));

    const std::vector<Term> both{{key_a, 0.25}, {key_b, -0.125}};
    const std::vector<Term> swapped{{key_b, -0.125}, {key_a, 0.25}};
    const std::vector<Term> in_parts{{key_a, 0.125}, {key_b, -0.125}, {key_a, 0.125}};
    cursor.stand_at(both);
    CHECK(stand.made() == 1);
    CHECK(stand.at(0, both));
    cursor.stand_at(swapped);
    CHECK(stand.made() == 0);
    cursor.stand_at(in_parts);
    CHECK(stand.made() == 0);
    CHECK(stand.at(0, both));
    cursor.settle();
    CHECK(stand.made() == 1);
    CHECK(cursor.settled());
    CHECK(stand.at(0, {}));
    CHECK(stand.weights == std::vector<double>(n, 0.75));
    cursor.settle();
    CHECK(stand.made() == 0);
}

TEMPLATE_TEST_CASE("An update waits for the next traversal, and costs none of its own", "", InPlace, Snapshot, Exact) {
    Stand<TestType> stand;
    auto& cursor = stand.cursor;
    const std::vector<Term> gradient{{key_a, 2.0}};
    const Descend<PlainStep> move{.rate = 0.0625, .key = key_a};

    cursor.stand_at(Term{key_a, 0.25});
    CHECK(stand.made() == 1);
    cursor.update(move, gradient);
    CHECK(stand.made() == 0);
    CHECK_FALSE(cursor.settled());
    CHECK(stand.at(0, {{key_a, 0.25}}));
    cursor.stand_at(Term{key_b, 0.25}); // restores, updates and perturbs
    CHECK(stand.made() == 1);
    CHECK(stand.at(-0.125, {{key_b, 0.25}}));
    cursor.update(move, gradient);
    cursor.settle();
    CHECK(stand.made() == 1);
    CHECK(stand.at(-0.25, {}));

    // An update on the spot: the displacement stays, the base moves.
    cursor.stand_at(Term{key_b, 0.25});
    cursor.update(move, gradient);
    cursor.stand_at(Term{key_b, 0.25});
    CHECK(stand.made() == 2);
    CHECK(stand.at(-0.375, {{key_b, 0.25}}));

    // Two updates with nothing between them are two traversals, none lost.
    cursor.update(move, gradient);
    cursor.update(move, gradient);
    cursor.settle();
    CHECK(stand.made() == 2);
    CHECK(stand.at(-0.625, {}));
}

TEMPLATE_TEST_CASE("The destructor carries out what is pending and goes home", "", InPlace, Snapshot, Exact) {
    std::vector<double> weights(n, 0.75);
    Parameters parameters;
    parameters.add("w", std::span{weights});
    {
        Cursor<Rademacher, TestType> cursor{parameters, Rademacher{}, TestType{}, Reference{}, 0.5, 2};
        cursor.stand_at(Term{key_a, 0.25});
        cursor.update(zeroth_test::descend(1.0, 0.5, key_a), std::vector<Term>{{key_b, 0.25}});
    }
    for (std::size_t i = 0; i < n; ++i) {
        REQUIRE(weights[i] == 0.75 + 0.125 * z(key_b, i));
    }
}

TEMPLATE_TEST_CASE("The count is what the backend was asked for, and directions are formed once", "", InPlace, Exact) {
    Stand<TestType> stand;
    const Traversals before = stand.count;
    stand.cursor.stand_at(Term{key_a, 0.25});
    stand.cursor.stand_at(Term{key_a, -0.25});
    stand.cursor.update(zeroth_test::descend(0.5, -0.0625, key_a), std::vector<Term>{{key_a, 2.0}});
    stand.cursor.stand_at(Term{key_b, 0.25});
    stand.cursor.settle();
    CHECK(stand.count.writing - before.writing == 4);
    CHECK(stand.count.reading == before.reading);
    CHECK(stand.made() == 4);
    CHECK(stand.count.moves - before.moves == 1 + 1 + 2 + 1);
}

TEST_CASE("A snapshot's traversals are the backend's, but for copying the base back") {
    Stand<Snapshot> stand;
    stand.cursor.stand_at(Term{key_a, 0.25});
    stand.cursor.stand_at(Term{key_a, -0.25});
    stand.cursor.settle();
    CHECK(stand.count.writing == 2);
    CHECK(stand.made() == 3);
    CHECK(stand.count.moves == 2);
}

TEMPLATE_TEST_CASE("Decay shrinks the base, never the displacement", "", InPlace, Snapshot, Exact) {
    Stand<TestType> stand;
    stand.cursor.stand_at(Term{key_a, 0.25});
    stand.cursor.update(zeroth_test::descend(0.5, 1.0, key_a), std::vector<Term>{{key_b, 0.125}});
    stand.cursor.stand_at(Term{key_a, -0.25});
    CHECK(stand.made() == 2);
    for (std::size_t i = 0; i < n; ++i) {
        const double expected = 0.375 + 0.125 * z(key_b, i) - 0.25 * z(key_a, i);
        REQUIRE(std::abs(stand.weights[i] - expected) < 1e-14);
    }
}

TEMPLATE_TEST_CASE("Weights the user has changed are taken for the base", "", InPlace, Snapshot, Exact) {
    Stand<TestType> stand;
    stand.cursor.stand_at(Term{key_a, 0.25});
    stand.cursor.settle();
    stand.weights.assign(n, 0.5);
    stand.cursor.adopt();
    stand.cursor.stand_at(Term{key_a, 0.25});
    for (std::size_t i = 0; i < n; ++i) {
        REQUIRE(std::abs(stand.weights[i] - (0.5 + 0.25 * z(key_a, i))) < 1e-14);
    }
    stand.cursor.settle();
    CHECK(stand.weights == std::vector<double>(n, 0.5));
}
