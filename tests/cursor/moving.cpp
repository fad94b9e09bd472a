// A cursor may be moved whatever it has in hand: the weights go on as if it had not been, and the one that it was has none any more.

#include "cursor/counting.hpp"
#include "rates.hpp"
#include "reference_of.hpp"

#include <zeroth/directions/gaussian.hpp>
#include <zeroth/directions/low_rank.hpp>
#include <zeroth/directions/masked.hpp>
#include <zeroth/directions/preconditioned.hpp>
#include <zeroth/directions/rademacher.hpp>
#include <zeroth/directions/reuse_pool.hpp>
#include <zeroth/directions/scaled.hpp>
#include <zeroth/directions/sphere.hpp>

#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

using namespace zeroth;
using Counting = zeroth_test::CountingOn<zeroth_test::ReferenceOf<float>>;
using zeroth_test::Traversals;

namespace {

constexpr Key key_a{1, 2, 0};
constexpr Key key_b{1, 3, 1};
constexpr Key key_c{1, 90, 0};

/// A direction of the user's own: its rays point to the direction that the cursor has.
struct Own {
    static constexpr float largest = 1.0f;
    float operator()(const Key& key, const BlockIdentity& block, std::uint64_t element) const { return Rademacher{}(key, block, element); }
};

struct Weights {
    std::vector<float> matrix = std::vector<float>(30 * 20), vector = std::vector<float>(37);
    int heard = 0;

    Weights() {
        for (std::size_t i = 0; i < matrix.size(); ++i) {
            matrix[i] = 0.001f * static_cast<float>(i * 7919 % 1009) - 0.5f;
        }
        for (std::size_t i = 0; i < vector.size(); ++i) {
            vector[i] = 0.002f * static_cast<float>(i * 31 % 101);
        }
    }
    Parameters parameters() {
        Parameters result;
        result.add("matrix", std::span{matrix}, {30, 20});
        result.add("vector", std::span{vector});
        result.on_change([this](std::span<const Block>) { ++heard; });
        return result;
    }
    std::vector<float> all() const {
        std::vector<float> result = matrix;
        result.insert(result.end(), vector.begin(), vector.end());
        return result;
    }
};

template <class D, class Restore>
using CursorOf = Cursor<D, Restore, Counting>;

/// What there is to do with a cursor: standing at one and two terms, moving from one to another, updating in between.
template <class C>
void act(C& cursor, int event) {
    const Descend<PlainStep> decayed{.rate = 0.5, .weight_decay = 0.02, .key = Key{1, static_cast<std::uint64_t>(event), 0}};
    const Descend<PlainStep> plain{.rate = 0.25, .key = Key{1, static_cast<std::uint64_t>(event), 0}};
    switch (event) {
    case 0: return cursor.stand_at(Term{key_a, 0.01});
    case 1: return cursor.stand_at(Term{key_a, -0.01});
    case 2: return cursor.update(plain, std::vector<Term>{{key_a, 0.125}});
    case 3: return cursor.stand_at(std::vector<Term>{{key_b, 0.01}, {key_c, 0.02}});
    case 4: return cursor.stand_at(Term{key_b, 0.005});
    case 5: return cursor.update(decayed, std::vector<Term>{{key_b, 0.25}, {key_c, 0.125}});
    case 6: return cursor.update(plain, std::vector<Term>{{key_c, 0.125}}); // settles first
    case 7: return cursor.settle();
    case 8: return cursor.stand_at(Term{key_c, 0.01});
    default: return cursor.stand_at_base();
    }
}
constexpr int events = 10;

/// The weights after each event, the cursor having been moved before one of them.
template <class Restore, class D>
std::vector<std::vector<float>> run(const D& direction, Weights& weights, int moved_before, std::uint64_t& traversals) {
    std::vector<std::vector<float>> seen;
    Traversals count;
    std::optional<CursorOf<D, Restore>> first, second;
    first.emplace(weights.parameters(), direction, Restore{}, Counting{&count}, 0.05, 2, 2);
    std::optional<CursorOf<D, Restore>>* at = &first;
    for (int event = 0; event < events; ++event) {
        if (event == moved_before) {
            const int heard = weights.heard;
            const Traversals before = count;
            const std::vector<float> here = weights.all();
            second.emplace(std::move(*first));
            CHECK(first->settled());
            first.reset();
            at = &second;
            CHECK(weights.all() == here);
            CHECK(weights.heard == heard);
            CHECK((count.writing == before.writing && count.reading == before.reading));
        }
        act(**at, event);
        seen.push_back(weights.all());
    }
    traversals = (*at)->traversals();
    return seen;
}

template <class Restore, class D>
void check_moves(const D& direction) {
    Weights still;
    std::uint64_t traversals = 0;
    const auto expected = run<Restore>(direction, still, -1, traversals);
    for (int event = 0; event < events; ++event) {
        INFO("moved before event " << event);
        Weights moved;
        std::uint64_t now = 0;
        CHECK(run<Restore>(direction, moved, event, now) == expected);
        CHECK(now == traversals);
        CHECK(moved.heard == still.heard);
        CHECK(moved.all() == still.all());
    }
}

} // namespace

static_assert(std::is_nothrow_move_constructible_v<Cursor<Gaussian>> && std::is_nothrow_move_assignable_v<Cursor<Gaussian>>);
static_assert(!std::is_copy_constructible_v<Cursor<Gaussian>> && !std::is_copy_assignable_v<Cursor<Gaussian>>);

TEMPLATE_TEST_CASE("A cursor that is moved goes on with the same bits, whatever it has in hand", "", InPlace, Snapshot, Exact) {
    Weights weights;
    check_moves<TestType>(Rademacher{});
    check_moves<TestType>(Own{});
    check_moves<TestType>(Sphere{});
    check_moves<TestType>(LowRank<>{.refresh_every = 1});
    check_moves<TestType>(ReusePool{.index_bits = 6, .refresh_every = 1});
    check_moves<TestType>(Scaled{Gaussian{}, weights.parameters(), std::vector<double>{0.5, 3.0}});
    check_moves<TestType>(Masked{Gaussian{}, Bernoulli{.keep = 0.5}});
    if constexpr (!TestType::adjusts_weights) {
        check_moves<TestType>(Preconditioned<>{});
    }
}

TEMPLATE_TEST_CASE("A cursor that was moved from touches nothing when it is used no more", "", InPlace, Snapshot, Exact) {
    Weights weights;
    Traversals count;
    auto from = std::make_unique<CursorOf<Gaussian, TestType>>(weights.parameters(), Gaussian{}, TestType{}, Counting{&count}, 0.05, 1, 1);
    from->settle();
    const std::vector<float> base = weights.all();
    from->stand_at(Term{key_a, 0.01});
    from->update(zeroth_test::descend(1, -0.5, key_a), std::vector<Term>{{key_a, 0.125}});
    CursorOf<Gaussian, TestType> to{std::move(*from)};
    const std::vector<float> displaced = weights.all();
    REQUIRE(displaced != base);
    const int heard = weights.heard;
    const std::uint64_t traversals = count.writing + count.reading;
    CHECK(from->settled());
    from->settle();
    from.reset();
    CHECK(weights.all() == displaced);
    CHECK(weights.heard == heard);
    CHECK(count.writing + count.reading == traversals);
    CHECK_FALSE(to.settled());
    to.settle();
    CHECK(weights.all() != displaced);
    CHECK(weights.all() != base); // updated
}

TEMPLATE_TEST_CASE("A cursor that is assigned to settles the weights that it had", "", InPlace, Snapshot, Exact) {
    using C = CursorOf<Rademacher, TestType>;
    const auto sent = [](C& cursor) {
        cursor.stand_at(Term{key_a, 0x1p-5});
        cursor.update(zeroth_test::descend(1, -0.5, key_a), std::vector<Term>{{key_a, 0.125}});
    };
    Traversals count;
    // Each by itself.
    Weights alone;
    {
        C cursor{alone.parameters(), Rademacher{}, TestType{}, Counting{&count}, 0.05, 1, 1};
        sent(cursor);
    }
    Weights first, second;
    C target{first.parameters(), Rademacher{}, TestType{}, Counting{&count}, 0.05, 1, 1};
    C source{second.parameters(), Rademacher{}, TestType{}, Counting{&count}, 0.05, 1, 1};
    sent(target);
    sent(source);
    const std::vector<float> displaced = second.all();
    const std::vector<float> left = first.all();
    CHECK(displaced == left);
    C& itself = target;
    target = std::move(itself);
    CHECK(first.all() == left);
    CHECK_FALSE(target.settled());
    target = std::move(source);
    CHECK(first.all() == alone.all());
    CHECK(second.all() == displaced);
    CHECK(target.parameters().blocks()[0].data == second.matrix.data());
    target.settle();
    CHECK(second.all() == alone.all());
    // One that was moved from takes another's place as well.
    source = C{first.parameters(), Rademacher{}, TestType{}, Counting{&count}, 0.05, 1, 1};
    const std::vector<float> base = first.all();
    source.stand_at(Term{key_b, 0x1p-5});
    CHECK(first.all() != base);
    source.settle();
    if constexpr (!std::is_same_v<TestType, InPlace>) {
        CHECK(first.all() == base);
    }
}
