// What a saved state is refused for, other blocks, other backends, and what else there is to save(), Resume and set_learning_rate().

#include "optimizer/resuming.hpp"

#include <zeroth/backends/simd.hpp>
#include <zeroth/estimators/hizoo_rge.hpp>
#include <zeroth/updates/hizoo_sgd.hpp>
#include <zeroth/updates/normalized.hpp>
#include <zeroth/zeroth.hpp>

#include <catch2/catch_template_test_macros.hpp>
#include <catch2/matchers/catch_matchers.hpp>

#include <cmath>
#include <limits>
#include <stdexcept>
#include <utility>

using namespace resuming;

namespace {

using Floats = zeroth_test::ReferenceOf<float>;
using Vectors = Simd<WidestArch, ScalarTypes<float>>;

/// Two small tensors, and a run of three steps that settles lazily.
struct Small {
    std::vector<float> weights{0.5f, -0.25f, 0.125f, 1, -1, 0.75f, 0.3f, -0.2f};

    [[nodiscard]] Parameters parameters() {
        Parameters result;
        result.add("a", std::span{weights}.first(6), {2, 3});
        result.add("b", std::span{weights}.subspan(6));
        return result;
    }
};
const Settings<Exact> small_settings{.seed = 7, .restore = {}, .settling = Settling::lazily};

/// A state of three steps, and the weights that belong to it.
template <class Restore>
std::pair<Bytes, Small> small_state(Settling settling = Settling::lazily) {
    Small small;
    Small stood;
    Bytes state;
    {
        Optimizer optimizer{small.parameters(), TwoSidedRge{}, Momentum{.learning_rate = 1e-2},
                            Settings<Restore>{.seed = 7, .restore = {}, .settling = settling}, Floats{}};
        for (int step = 0; step < 3; ++step) {
            optimizer.step([&] { return static_cast<double>(small.weights[0] - small.weights[6]); });
        }
        state = saved(optimizer);
        stood = small;
    }
    return {state, stood};
}

/// Why a state is refused; empty if it is not. The weights must stay what they are.
template <class Restore = Exact, class E = TwoSidedRge<>, class Rule = Momentum>
std::string refusal(const Bytes& state, Small stood, const E& estimator = {}, const Rule& rule = {.learning_rate = 1e-2}, std::uint64_t seed = 7,
                    const Parameters* parameters = nullptr, bool other_blocks = false) {
    const std::vector<float> before = stood.weights;
    std::string why;
    try {
        const Optimizer optimizer{parameters != nullptr ? *parameters : stood.parameters(), estimator, rule,
                                  Settings<Restore>{.seed = seed, .restore = {}, .settling = Settling::lazily}, Floats{},
                                  Resume{.source = from(state), .other_blocks = other_blocks}};
        REQUIRE(same_bits(stood.weights, before));
        CHECK(optimizer.steps() == 3);
    } catch (const std::invalid_argument& error) {
        why = error.what();
    } catch (const std::runtime_error& error) {
        why = error.what();
    }
    if (why != "") { // else it has settled
        REQUIRE(same_bits(stood.weights, before));
    }
    return why;
}

/// A run whose losses are given, so that its parts go their own ways: direction and moments of a block are its own.
template <class O>
void take_steps(O& optimizer, int count) {
    for (int step = 0; step < count; ++step) {
        const std::uint64_t number = optimizer.steps();
        int call = 0;
        optimizer.step([&] { return 1 + 1e-3 * std::sin(static_cast<double>(7 * number) + 2.0 * call++); });
    }
}

} // namespace

TEST_CASE("A state that is cut short anywhere, or goes on, is refused, and no weight moves") {
    const auto [state, stood] = small_state<Exact>();
    REQUIRE(refusal(state, stood) == "");
    for (std::size_t size = 0; size < state.size(); ++size) {
        INFO(size << " of " << state.size() << " bytes");
        const std::string why = refusal(Bytes(state.begin(), state.begin() + static_cast<std::ptrdiff_t>(size)), stood);
        REQUIRE(why.starts_with("zeroth: the state ends within '"));
    }
    for (const std::size_t more : {1u, 2u, 8u, 100u}) {
        Bytes longer = state;
        longer.resize(state.size() + more);
        REQUIRE(refusal(longer, stood) == "zeroth: the state is damaged: its digest does not fit");
    }
    Bytes twice = state;
    twice.insert(twice.end(), state.begin(), state.end());
    CHECK(refusal(twice, stood) != "");
    CHECK(refusal({}, stood) == "zeroth: the state ends within 'its head'");
    CHECK(refusal(Bytes(1000), stood) == "zeroth: this is not a saved state");
}

TEMPLATE_TEST_CASE("A state of which any byte is another is refused, and no weight moves", "", InPlace, Snapshot, Exact) {
    const auto [state, stood] = small_state<TestType>();
    REQUIRE(refusal<TestType>(state, stood) == "");
    for (std::size_t at = 0; at < state.size(); ++at) {
        for (const int flipped : {0x01, 0x10, 0x80, 0xFF}) {
            Bytes damaged = state;
            damaged[at] ^= static_cast<std::byte>(flipped);
            INFO("byte " << at << " of " << state.size() << " by " << flipped);
            REQUIRE(refusal<TestType>(damaged, stood).starts_with("zeroth: "));
        }
    }
}

TEST_CASE("A state of another run is refused, by name") {
    const auto [state, stood] = small_state<Exact>();
    CHECK(refusal<Exact>(state, stood, OneSidedRge<>{}) == "zeroth: the state's estimator is 'two-sided', the optimizer's 'one-sided'");
    CHECK(refusal<Exact>(state, stood, TwoSidedRge<Rademacher>{}) == "zeroth: the state's direction is 'gaussian', the optimizer's 'rademacher'");
    CHECK(refusal<Exact>(state, stood, TwoSidedRge{}, Sgd{}) == "zeroth: the state's rule is 'momentum', the optimizer's 'sgd'");
    CHECK(refusal<InPlace>(state, stood) == "zeroth: the state's restore policy is 'exact', the optimizer's 'in-place'");
    CHECK(refusal(state, stood, TwoSidedRge{}, Momentum{.learning_rate = 1e-2}, 8) == "zeroth: the state's seed is 7, the settings' 8");
    CHECK(refusal<Exact>(small_state<Snapshot>().first, stood) == "zeroth: the state's restore policy is 'snapshot', the optimizer's 'exact'");
}

TEST_CASE("A state of other blocks or weights is refused, by name") {
    const auto [state, stood] = small_state<Exact>();
    Small small = stood;
    const auto why = [&, &from_state = state](const auto& add, bool other_blocks = false) {
        Parameters parameters;
        add(parameters);
        const std::vector<float> before = small.weights;
        const std::string result = refusal<Exact>(from_state, stood, TwoSidedRge{}, Momentum{.learning_rate = 1e-2}, 7, &parameters, other_blocks);
        CHECK(same_bits(small.weights, before));
        return result;
    };
    const auto a = [&](Parameters& parameters) { parameters.add("a", std::span{small.weights}.first(6), {2, 3}); };
    const auto b = [&](Parameters& parameters) { parameters.add("b", std::span{small.weights}.subspan(6)); };
    std::vector<float> more(2);
    CHECK(why([&](Parameters& to) { a(to); }) == "zeroth: the state has a block 'b', which is not among the parameters");
    CHECK(why([&](Parameters& to) { a(to), to.add("c", std::span{small.weights}.subspan(6)); }) ==
          "zeroth: the state has a block 'b', which is not among the parameters");
    CHECK(why([&](Parameters& to) { a(to), b(to), to.add("c", std::span{more}); }) == "zeroth: the state has 2 blocks, the parameters 3");
    for (const bool other_blocks : {false, true}) {
        CHECK(why([&](Parameters& to) { to.add("a", std::span{small.weights}.first(6), {3, 2}), b(to); }, other_blocks) ==
              "zeroth: block 'a' is 3 x 2 of float32, in the state 2 x 3 of float32");
        CHECK(why([&](Parameters& to) { a(to), to.add("b", std::span{small.weights}.subspan(7)); }, other_blocks) ==
              "zeroth: block 'b' is 1 x 1 of float32, in the state 2 x 1 of float32");
    }
    // One bit of one weight.
    for (std::size_t i = 0; i < 8; ++i) {
        const float kept = small.weights[i];
        small.weights[i] = std::bit_cast<float>(std::bit_cast<std::uint32_t>(kept) ^ 1u);
        CHECK(why([&](Parameters& to) { a(to), b(to); }) ==
              std::string{"zeroth: block '"} + (i < 6 ? "a" : "b") +
                  "' does not hold the weights that the state belongs to: load them first, as they stood when it was saved");
        small.weights[i] = kept;
    }
    // An optimizer of its own order of blocks is no other.
    Small turned = stood;
    Parameters parameters;
    parameters.add("b", std::span{turned.weights}.subspan(6));
    parameters.add("a", std::span{turned.weights}.first(6), {2, 3});
    CHECK(refusal<Exact>(state, stood, TwoSidedRge{}, Momentum{.learning_rate = 1e-2}, 7, &parameters) == "");
}

namespace {

/// Ten steps of two tensors, and ten more of other ones: whose numbers are each weight's own, so that the others cannot be told.
template <class Restore, class E, class Rule>
struct OtherBlocks {
    const E& estimator;
    const Rule& rule;
    /// Whether a tensor's bits are those of a new run that begins at the step: not for a rule that counts its updates.
    bool begins_anew = true;
    Settings<Restore> settings{.seed = 7, .restore = {}};
    std::vector<float> a = std::vector<float>(40, 0.25f), b = std::vector<float>(30, -0.5f), c = std::vector<float>(50, 3.3f);
    std::vector<float> a_then{}, b_then{}, a_end{}, b_end{};
    std::vector<double> quanta{};
    Bytes state{};

    static void add_a(Parameters& to, std::vector<float>& w) { to.add("a", std::span{w}, {4, 10}, {.weight_decay = 0.5}); }
    static void add_b(Parameters& to, std::vector<float>& w) { to.add("b", std::span{w}, {}, {.rate = 0.5}); }

    void check() {
        Parameters both;
        add_a(both, a);
        add_b(both, b);
        Optimizer optimizer{both, estimator, rule, settings, Floats{}};
        take_steps(optimizer, 10);
        state = saved(optimizer);
        if constexpr (Restore::adjusts_weights) {
            quanta.assign(optimizer.cursor().quanta().begin(), optimizer.cursor().quanta().end());
        }
        a_then = a;
        b_then = b;
        take_steps(optimizer, 10);
        a_end = a;
        b_end = b;
        freeze();
        add();
        freeze_and_add();
    }

  private:
    void freeze() {
        std::vector<float> alone = b_then;
        Parameters parameters;
        add_b(parameters, alone);
        Optimizer resumed{parameters, estimator, rule, settings, Floats{}, Resume{.source = from(state), .other_blocks = true}};
        CHECK(same_bits(alone, b_then));
        take_steps(resumed, 10);
        CHECK(same_bits(alone, b_end));
    }
    /// One before the others, which are in another order.
    void add() {
        std::vector<float> a_now = a_then, b_now = b_then, c_now = c, c_alone = c;
        Parameters parameters;
        parameters.add("c", std::span{c_now});
        add_b(parameters, b_now);
        add_a(parameters, a_now);
        Parameters new_alone;
        new_alone.add("c", std::span{c_alone});
        Settings<Restore> from_ten = settings;
        from_ten.first_step = 10;
        Optimizer fresh{new_alone, estimator, rule, from_ten, Floats{}};
        int heard = 0;
        parameters.on_change([&](std::span<const Block>) { ++heard; });
        Optimizer resumed{parameters, estimator, rule, settings, Floats{}, Resume{.source = from(state), .other_blocks = true}};
        CHECK(heard == (Restore::adjusts_weights ? 1 : 0));
        CHECK(same_bits(a_now, a_then));
        CHECK(same_bits(b_now, b_then));
        CHECK(same_bits(c_now, c_alone));
        if constexpr (Restore::adjusts_weights) {
            CHECK(resumed.cursor().quanta()[0] == fresh.cursor().quanta()[0]);
            CHECK(resumed.cursor().quanta()[1] == quanta[1]);
            CHECK(resumed.cursor().quanta()[2] == quanta[0]);
        }
        take_steps(resumed, 10);
        take_steps(fresh, 10);
        CHECK(same_bits(a_now, a_end));
        CHECK(same_bits(b_now, b_end));
        CHECK(same_bits(c_now, c_alone) == begins_anew);
    }
    void freeze_and_add() {
        std::vector<float> a_now = a_then, c_now = c;
        Parameters parameters;
        add_a(parameters, a_now);
        parameters.add("c", std::span{c_now});
        CHECK_THROWS_AS((Optimizer{parameters, estimator, rule, settings, Floats{}, Resume{from(state)}}), std::invalid_argument);
        CHECK(same_bits(a_now, a_then));
        CHECK(same_bits(c_now, c));
        Optimizer resumed{parameters, estimator, rule, settings, Floats{}, Resume{.source = from(state), .other_blocks = true}};
        take_steps(resumed, 10);
        CHECK(same_bits(a_now, a_end));
    }
};
template <class Restore, class E, class Rule>
void check_other_blocks(const E& estimator, const Rule& rule, bool begins_anew) {
    OtherBlocks<Restore, E, Rule>{.estimator = estimator, .rule = rule, .begins_anew = begins_anew}.check();
}

} // namespace

TEMPLATE_TEST_CASE("Blocks may be frozen or added: the others go on with the same bits, new ones begin as in a new run", "", InPlace, Snapshot,
                   Exact) {
    check_other_blocks<TestType>(TwoSidedRge{.epsilon = 1e-3}, Momentum{.learning_rate = 1e-2, .weight_decay = 0.1}, true);
    check_other_blocks<TestType>(TwoSidedRge{.epsilon = 1e-3, .queries = 2}, Adam{.learning_rate = 1e-3}, false);
    if constexpr (!TestType::adjusts_weights) {
        check_other_blocks<TestType>(HizooRge{.epsilon = 1e-3}, HizooSgd{.learning_rate = 1e-2, .smoothing = 0.05}, true);
    }
}

TEMPLATE_TEST_CASE("A state that was saved lazily goes on settled, and with fewer queries", "", Snapshot, Exact) {
    const TwoSidedRge estimator{.epsilon = 1e-3, .queries = 5};
    const Momentum rule{.learning_rate = 1e-3, .weight_decay = 0.1};
    Settings<TestType> settings{.seed = 7, .restore = {}, .settling = Settling::lazily};
    Model model;
    Optimizer optimizer{model.parameters(), estimator, rule, settings, Floats{}};
    take_steps(optimizer, 4);
    const Bytes state = saved(optimizer);
    Model settled{model.weights}, fewer{model.weights};
    take_steps(optimizer, 4);
    optimizer.settle();
    settings.settling = Settling::each_step;
    Optimizer of_each_step{settled.parameters(), estimator, rule, settings, Floats{}, Resume{from(state)}};
    take_steps(of_each_step, 4);
    CHECK(same_bits(settled.weights, model.weights));
    // The pending update has the terms of five queries.
    Model expected;
    Optimizer undisturbed{expected.parameters(), estimator, rule, settings, Floats{}};
    take_steps(undisturbed, 4);
    Optimizer of_one{fewer.parameters(), TwoSidedRge{.epsilon = 1e-3}, rule, settings, Floats{}, Resume{from(state)}};
    of_one.settle();
    CHECK(same_bits(fewer.weights, expected.weights));
}

TEMPLATE_TEST_CASE("A state that was saved after the caller changed the weights goes on from them", "", InPlace, Snapshot, Exact) {
    const Settings<TestType> settings{.seed = 7, .restore = {}};
    Model model;
    const auto change = [](Model<>& of) {
        for (float& x : of.weights) {
            x *= 5;
        }
    };
    Optimizer optimizer{model.parameters(), TwoSidedRge{}, Momentum{.learning_rate = 1e-3}, settings, Floats{}};
    take_steps(optimizer, 3);
    change(model);
    optimizer.adopt_weights();
    const Bytes state = saved(optimizer);
    Model again{model.weights};
    Optimizer resumed{again.parameters(), TwoSidedRge{}, Momentum{.learning_rate = 1e-3}, settings, Floats{}, Resume{from(state)}};
    for (int step = 0; step < 3; ++step) {
        const Seen<float> expected{optimizer.step([&] { return model.loss(); }), model};
        const Seen<float> seen{resumed.step([&] { return again.loss(); }), again};
        CHECK(seen.same_as(expected));
    }
}

TEMPLATE_TEST_CASE("Blocks are not added to displaced weights, but frozen they may be", "", InPlace, Snapshot, Exact) {
    const auto [state, stood] = small_state<TestType>();
    Small small = stood;
    std::vector<float> c(4, 0.7f);
    Parameters parameters = small.parameters();
    parameters.add("c", std::span{c});
    CHECK(refusal<TestType>(state, stood, TwoSidedRge{}, Momentum{.learning_rate = 1e-2}, 7, &parameters, true) ==
          "zeroth: blocks can be added to a state of settled weights alone: settle() before save()");
    CHECK(same_bits(small.weights, stood.weights));
    CHECK(c == std::vector<float>(4, 0.7f));
}

TEMPLATE_TEST_CASE("Blocks are frozen in a state of displaced weights, too", "", InPlace, Snapshot, Exact) {
    const auto [state, stood] = small_state<TestType>();
    const auto run = [&, &from_state = state, &here = stood](bool b_too) {
        Small small = here;
        Parameters parameters;
        parameters.add("a", std::span{small.weights}.first(6), {2, 3});
        if (b_too) {
            parameters.add("b", std::span{small.weights}.subspan(6));
        }
        {
            Optimizer optimizer{parameters, TwoSidedRge{}, Momentum{.learning_rate = 1e-2},
                                Settings<TestType>{.seed = 7, .restore = {}, .settling = Settling::lazily}, Floats{},
                                Resume{.source = from(from_state), .other_blocks = true}};
            take_steps(optimizer, 5);
        }
        small.weights.resize(6);
        return small.weights;
    };
    CHECK(same_bits(run(false), run(true)));
}

TEST_CASE("Exact refuses an added block that it cannot keep, and leaves the others alone") {
    const auto [state, stood] = small_state<Exact>(Settling::each_step);
    Small small = stood;
    std::vector<float> c(4, std::numeric_limits<float>::infinity());
    Parameters parameters = small.parameters();
    parameters.add("c", std::span{c});
    CHECK(refusal<Exact>(state, stood, TwoSidedRge{}, Momentum{.learning_rate = 1e-2}, 7, &parameters, true).find("block 'c'") != std::string::npos);
    CHECK(same_bits(small.weights, stood.weights));
}

TEMPLATE_TEST_CASE("A run goes on by another backend with the same bits", "", InPlace, Snapshot, Exact) {
    const TwoSidedRge estimator{.epsilon = 1e-3, .queries = 2};
    const Adam rule{.learning_rate = 1e-3, .weight_decay = 0.1};
    check_resumes<TestType>("reference to simd", estimator, rule, Floats{}, Vectors{}, {}, 12);
    check_resumes<TestType>("simd to threads", estimator, rule, Vectors{}, Threads<Vectors>{{}, 3, 1}, {}, 12);
    check_resumes<TestType>("threads to reference", estimator, rule, Threads<Vectors>{{}, 2, 1}, Floats{}, {}, 12);
}

TEMPLATE_TEST_CASE("A sink that throws, at any piece, leaves the optimizer usable", "", InPlace, Snapshot, Exact) {
    Model model, other;
    const auto make = [](Model<>& of) {
        return Optimizer{of.parameters(), TwoSidedRge{}, Momentum{.learning_rate = 1e-3},
                         Settings<TestType>{.seed = 7, .restore = {}, .settling = Settling::lazily}, Floats{}};
    };
    auto optimizer = make(model);
    auto undisturbed = make(other);
    take_steps(optimizer, 3);
    take_steps(undisturbed, 3);
    const Bytes state = saved(optimizer);
    int pieces = 0;
    optimizer.save([&](std::span<const std::byte>) { ++pieces; });
    REQUIRE(pieces > 20);
    for (int last = 0; last < pieces; ++last) {
        int left = last;
        CHECK_THROWS_AS(optimizer.save([&](std::span<const std::byte>) {
            if (left-- == 0) {
                throw std::length_error{"the disk is full"};
            }
        }),
                        std::length_error);
        REQUIRE(same_bits(model.weights, other.weights));
    }
    CHECK(saved(optimizer) == state);
    take_steps(optimizer, 3);
    take_steps(undisturbed, 3);
    CHECK(same_bits(model.weights, other.weights));
    CHECK(saved(optimizer) == saved(undisturbed));
}

TEST_CASE("A source that throws leaves the weights alone") {
    const auto [state, stood] = small_state<Exact>();
    Small small = stood;
    for (int last = 0; last < 60; ++last) {
        const StateSource source = [left = last, bytes = from(state)](std::span<std::byte> piece) mutable {
            if (left-- == 0) {
                throw std::length_error{"the disk is gone"};
            }
            return bytes(piece);
        };
        CHECK_THROWS_AS((Optimizer{small.parameters(), TwoSidedRge{}, Momentum{.learning_rate = 1e-2}, small_settings, Floats{}, Resume{source}}),
                        std::length_error);
        REQUIRE(same_bits(small.weights, stood.weights));
    }
}

TEMPLATE_TEST_CASE("A moved optimizer saves what it would have saved", "", InPlace, Snapshot, Exact) {
    Model model, other;
    const auto make = [](Model<>& of) {
        return Optimizer{of.parameters(), TwoSidedRge{}, Adam{.learning_rate = 1e-3},
                         Settings<TestType>{.seed = 7, .restore = {}, .settling = Settling::lazily}, Floats{}};
    };
    auto optimizer = make(model);
    auto at_first = make(other);
    take_steps(optimizer, 4);
    take_steps(at_first, 4);
    auto moved = std::move(at_first);
    CHECK(saved(moved) == saved(optimizer));
    take_steps(optimizer, 1);
    take_steps(moved, 1);
    CHECK(saved(moved) == saved(optimizer));
    CHECK(same_bits(model.weights, other.weights));
}

TEST_CASE("A resumed run that is saved at once gives the state that it was read from") {
    const auto [state, stood] = small_state<Snapshot>();
    Small small = stood;
    Optimizer optimizer{small.parameters(), TwoSidedRge{}, Momentum{.learning_rate = 1e-2},
                        Settings<Snapshot>{.seed = 7, .restore = {}, .settling = Settling::lazily}, Floats{}, Resume{from(state)}};
    CHECK(saved(optimizer) == state);
}

TEMPLATE_TEST_CASE("A state of blocks of every type goes on with the same bits", "", InPlace, Snapshot) {
    std::vector<float> w(20, 0.3f);
    std::vector<double> x(9, -0.7);
    std::vector<bfloat16> y(33, bfloat16{0.1f});
    std::vector<float16> z(5, float16{0.2f});
    const auto parameters = [&] {
        Parameters result;
        result.add("w", std::span{w}, {4, 5});
        result.add("x", std::span{x});
        result.add("y", std::span{y});
        result.add("z", std::span{z});
        result.add("none", std::span{w}.first(0));
        return result;
    };
    const auto all = [&] {
        Bytes bytes;
        for (const Block& block : parameters().blocks()) {
            const auto* const data = static_cast<const std::byte*>(block.data);
            bytes.insert(bytes.end(), data, data + block.bytes());
        }
        return bytes;
    };
    const TwoSidedRge estimator{.epsilon = 1e-2};
    const Adam rule{.learning_rate = 1e-3, .weight_decay = 0.1};
    const Settings<TestType> settings{.seed = 7, .restore = {}, .settling = Settling::lazily};
    Bytes state;
    Bytes expected;
    decltype(w) w_stop;
    decltype(x) x_stop;
    decltype(y) y_stop;
    decltype(z) z_stop;
    {
        Optimizer optimizer{parameters(), estimator, rule, settings};
        take_steps(optimizer, 4);
        state = saved(optimizer);
        w_stop = w, x_stop = x, y_stop = y, z_stop = z;
        take_steps(optimizer, 4);
    }
    expected = all();
    w = w_stop, x = x_stop, y = y_stop, z = z_stop;
    {
        Optimizer optimizer{parameters(), estimator, rule, settings, Reference{}, Resume{from(state)}};
        take_steps(optimizer, 4);
    }
    CHECK(all() == expected);
    // The same numbers in another type are another block.
    w = w_stop, x = x_stop, y = y_stop, z = z_stop;
    Parameters others;
    others.add("w", std::span{w}, {4, 5});
    std::vector<float> narrow(x.begin(), x.end());
    others.add("x", std::span{narrow});
    CHECK_THROWS_WITH((Optimizer{others, estimator, rule, settings, Reference{}, Resume{.source = from(state), .other_blocks = true}}),
                      "zeroth: block 'x' is 9 x 1 of float32, in the state 9 x 1 of float64");
    CHECK(w == w_stop);
}

TEMPLATE_TEST_CASE("At whichever of 200 steps a run of a thousand weights stops, it ends with the same", "", InPlace, Snapshot, Exact) {
    const auto count_others = [](const auto& rule) {
        std::vector<float> w(1000);
        for (std::size_t i = 0; i < w.size(); ++i) {
            w[i] = static_cast<float>(static_cast<int>(i % 23) - 11) * 0.01f;
        }
        const auto loss_of = [](const std::vector<float>& at) {
            double sum = 0;
            for (const float x : at) {
                sum += (static_cast<double>(x) - 0.3) * (static_cast<double>(x) - 0.3);
            }
            return sum;
        };
        const Settings<TestType> settings{.seed = 3, .restore = {}};
        std::vector<Bytes> states;
        std::vector<std::vector<float>> stood;
        {
            Parameters parameters;
            parameters.add("w", std::span{w});
            Optimizer optimizer{parameters, TwoSidedRge{}, rule, settings, Vectors{}};
            for (int step = 0; step < 200; ++step) {
                states.push_back(saved(optimizer));
                stood.push_back(w);
                optimizer.step([&] { return loss_of(w); });
            }
        }
        int others = 0;
        for (std::size_t split = 1; split < 200; ++split) {
            std::vector<float> again = stood[split];
            Parameters parameters;
            parameters.add("w", std::span{again});
            {
                Optimizer optimizer{parameters, TwoSidedRge{}, rule, settings, Vectors{}, Resume{from(states[split])}};
                for (std::size_t step = split; step < 200; ++step) {
                    optimizer.step([&] { return loss_of(again); });
                }
            }
            others += same_bits(again, w) ? 0 : 1;
        }
        return others;
    };
    CHECK(count_others(Sgd{.learning_rate = 1e-4}) == 0);
    CHECK(count_others(Momentum{.learning_rate = 1e-5}) == 0);
}

TEMPLATE_TEST_CASE("A learning rate that is set is the next step's, also of a rule within another", "", InPlace, Snapshot, Exact) {
    const auto run = [](const auto& rule, const Schedule* set) {
        Model model;
        {
            Optimizer optimizer{model.parameters(), TwoSidedRge{}, rule,
                                Settings<TestType>{.seed = 7, .restore = {}, .settling = Settling::lazily}, Floats{}};
            for (int step = 0; step < 12; ++step) {
                if (step == 5 && set != nullptr) {
                    optimizer.set_learning_rate(*set);
                }
                const StepReport report = optimizer.step([&] { return model.loss(); });
                CHECK(report.learning_rate == (step < 5 ? 1e-3 : 4e-3 / (1 + step)));
            }
        }
        return model.weights;
    };
    const Schedule later = [](std::uint64_t step) { return 4e-3 / static_cast<double>(1 + step); };
    const Schedule jump = [later](std::uint64_t step) { return step < 5 ? 1e-3 : later(step); };
    CHECK(same_bits(run(Sgd{.learning_rate = 1e-3}, &later), run(Sgd{.learning_rate = jump}, nullptr)));
    CHECK(same_bits(run(Adam{.learning_rate = 1e-3}, &later), run(Adam{.learning_rate = jump}, nullptr)));
    using Inner = Normalized<Momentum>;
    CHECK(same_bits(run(Inner{.rule = {.learning_rate = 1e-3}}, &later), run(Inner{.rule = {.learning_rate = jump}}, nullptr)));
}

TEST_CASE("A learning rate out of range is refused, and the old one stays") {
    Model model;
    Optimizer optimizer{model.parameters(), TwoSidedRge{}, Sgd{.learning_rate = 1e-3}, {}, Floats{}};
    take_steps(optimizer, 2);
    CHECK_THROWS_AS(optimizer.set_learning_rate(-1.0), std::invalid_argument);
    CHECK_THROWS_AS(optimizer.set_learning_rate([](std::uint64_t step) { return step == 2 ? std::numeric_limits<double>::infinity() : 0.0; }),
                    std::invalid_argument);
    CHECK(optimizer.step([&] { return model.loss(); }).learning_rate == 1e-3);
    optimizer.set_learning_rate(0.0);
    CHECK(optimizer.step([&] { return model.loss(); }).learning_rate == 0);
}
