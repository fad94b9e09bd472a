#include "reference_of.hpp"

#include <zeroth/zeroth.hpp>

#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>

#include <cmath>
#include <limits>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

using namespace zeroth;

namespace {

std::string refusal(const Sgd& rule) {
    try {
        rule.validate();
    } catch (const std::invalid_argument& error) {
        return error.what();
    }
    return "";
}

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

} // namespace

static_assert(UpdateRule<Sgd>);
static_assert(Sgd::state_bytes_per_parameter == 0);

TEST_CASE("A step goes against the gradient, and shrinks the weights by eta times the decay") {
    Estimate estimate;
    estimate.terms = {{Key{1, 2, 0}, 3.0}, {Key{1, 2, 1}, -4.0}};
    const auto move = [&](const Sgd& rule, const Key& key) {
        Gradient<PlainStep> gradient;
        Sgd::State state{rule, {}, 2, StateAllocator{}};
        const Descend<PlainStep> result = rule.move(estimate, key, state, gradient);
        REQUIRE(gradient.size() == 2);
        CHECK(gradient[0].key == estimate.terms[0].key);
        CHECK(gradient[1].coefficient[0] == -4);
        return result;
    };
    const Block block{};
    const Descend<PlainStep> plain = move(Sgd{.learning_rate = 0.25}, Key{1, 2, 3});
    CHECK(plain.of(block) == BlockRate{.scale = -0.25, .shrink = 0});
    CHECK(plain.key == Key{1, 2, 3});
    const Descend<PlainStep> decayed = move(Sgd{.learning_rate = 0.25, .weight_decay = 0.5}, Key{});
    CHECK(decayed.of(block) == BlockRate{.scale = -0.25, .shrink = -0.125});
    const Sgd scheduled{.learning_rate = Linear{.rate = 1, .final_rate = 0, .steps = 4}, .weight_decay = 0.5};
    CHECK(scheduled.rate(1) == 0.75);
    CHECK(move(scheduled, Key{0, 3, 0}).of(block) == BlockRate{.scale = -0.25, .shrink = -0.125});
    CHECK(move(scheduled, Key{0, 4, 0}).of(block) == BlockRate{.scale = 0, .shrink = 0});
}

TEST_CASE("Sgd refuses a rate or decay out of range, by name") {
    CHECK(refusal(Sgd{}) == "");
    CHECK(refusal(Sgd{.learning_rate = 0.0}) == "");
    CHECK(refusal(Sgd{.learning_rate = -0.5}) == "zeroth: learning_rate is -0.5; it must be zero or positive, and finite");
    CHECK(refusal(Sgd{.learning_rate = not_a_number}) == "zeroth: learning_rate is nan; it must be zero or positive, and finite");
    CHECK(refusal(Sgd{.learning_rate = infinity}) == "zeroth: learning_rate is inf; it must be zero or positive, and finite");
    CHECK(refusal(Sgd{.learning_rate = 1.0, .weight_decay = -1}) ==
          "zeroth: weight_decay is -1; it must be zero or positive, and finite");
    CHECK(refusal(Sgd{.learning_rate = 1.0, .weight_decay = not_a_number}).find("weight_decay is nan") != std::string::npos);
}

TEMPLATE_TEST_CASE("Weight decay is the dense computation's", "", InPlace, Snapshot, Exact) {
    // A loss that does not see the weights: no gradient, so each step is w <- (1 - eta decay) w alone.
    for (const Settling settling : {Settling::each_step, Settling::lazily}) {
        std::vector<double> w(30);
        for (std::size_t i = 0; i < w.size(); ++i) {
            w[i] = 0.1 * static_cast<double>(i) - 1.4;
        }
        std::vector<double> dense = w;
        Parameters parameters;
        parameters.add("w", std::span{w});
        const Linear rate{.rate = 0.2, .final_rate = 0.05, .steps = 30};
        {
            Optimizer optimizer{parameters, TwoSidedRge{}, Sgd{.learning_rate = rate, .weight_decay = 0.3},
                                Settings<TestType>{.seed = 1, .restore = {}, .settling = settling}, zeroth_test::ReferenceOf<double>{}};
            for (std::uint64_t step = 0; step < 40; ++step) {
                optimizer.step([] { return 1.0; });
                for (double& x : dense) {
                    x -= rate(step) * 0.3 * x;
                }
            }
        }
        for (std::size_t i = 0; i < w.size(); ++i) {
            REQUIRE(std::abs(w[i] - dense[i]) < 1e-12);
        }
    }
}

TEST_CASE("A schedule that leaves its range stops the step before a weight has moved") {
    std::vector<double> w(10, 1.0);
    Parameters parameters;
    parameters.add("w", std::span{w});
    const Schedule sinking = [](std::uint64_t step) { return 1e-3 * (2 - static_cast<double>(step)); };
    Optimizer optimizer{parameters, TwoSidedRge{}, Sgd{.learning_rate = sinking}, {}, zeroth_test::ReferenceOf<double>{}};
    for (int step = 0; step < 3; ++step) {
        optimizer.step([&] { return w[0]; });
    }
    const std::vector<double> before = w;
    int calls = 0;
    const auto forward = [&] {
        ++calls;
        return w[0];
    };
    CHECK_THROWS_AS(optimizer.step(forward), std::invalid_argument);
    CHECK(calls == 0);
    CHECK(w == before);
    CHECK(optimizer.steps() == 3);
}
