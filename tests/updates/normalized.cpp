// Normalized: any rule, of estimates over their running size.

#include "updates/dense.hpp"

#include <zeroth/estimators/fzoo.hpp>
#include <zeroth/updates/normalized.hpp>

#include <catch2/catch_template_test_macros.hpp>

#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <stdexcept>
#include <utility>
#include <vector>

using namespace zeroth_test;

namespace zeroth_test {

template <class Rule>
struct Dense<Normalized<Rule>> {
    double decay = 0;

    Normalized<Rule> rule() const { return {.rule = Dense<Rule>{.decay = decay}.rule(), .beta = 0.9}; }
    static constexpr std::size_t forward_passes = Dense<Rule>::forward_passes;

    Dense<Rule> inner{};
    double v = 0;
    int t = 0;

    void step(Problem& at, const Gradients& estimate) {
        inner.decay = decay;
        const double v_before = v;
        double sum = 0;
        for (const double c : estimate.c) {
            sum += c * c;
        }
        v = 0.9 * v + 0.1 * sum;
        ++t;
        Gradients scaled = estimate;
        for (double& c : scaled.c) {
            c /= std::sqrt(v / (1 - std::pow(0.9, t))) + 1e-8;
        }
        const Vector before = at.weights;
        inner.step(at, scaled);
        if (at.weights == before) {
            v = v_before;
            --t;
        }
    }
};

} // namespace zeroth_test

namespace {

Gradients two_sided(const Problem& at, std::uint64_t step, std::uint32_t queries) {
    Gradients result;
    for (std::uint32_t q = 0; q < queries; ++q) {
        result.z.push_back(materialised(at, Gaussian{}, Key{seed, step, q}));
        const double above = at.loss(moved(at.weights, epsilon, result.z[q]));
        const double below = at.loss(moved(at.weights, -epsilon, result.z[q]));
        result.c.push_back((above - below) / (2 * epsilon) / queries);
    }
    return result;
}

/// The weights after some steps on a loss times a factor.
template <class Rule>
Vector trained(const Rule& rule, double factor, int steps = 150) {
    Problem at = problem(0);
    const Parameters parameters = at.parameters();
    Optimizer optimizer{parameters, TwoSidedRge{.direction = Rademacher{}, .epsilon = epsilon}, rule, Settings{.seed = seed}, Doubles{}};
    for (int step = 0; step < steps; ++step) {
        optimizer.step([&] { return factor * at.loss(at.weights); });
    }
    return at.weights;
}

double farthest(const Vector& left, const Vector& right) {
    double result = 0;
    for (std::size_t i = 0; i < left.size(); ++i) {
        result = std::max(result, std::abs(left[i] - right[i]));
    }
    return result;
}

} // namespace

static_assert(LookaheadRule<Normalized<Conservative>> && !LookaheadRule<Normalized<Sgd>>);
static_assert(Normalized<Adam>::state_bytes_per_parameter == 8 && Normalized<>::state_bytes_per_parameter == 0);

TEMPLATE_TEST_CASE("Two hundred normalised steps are those of the dense computation", "", Sgd, WindowedMomentum, Adam, Conservative) {
    for (const std::uint32_t queries : {1u, 3u}) {
        INFO("queries " << queries);
        compare<Normalized<TestType>, InPlace>([&](const Parameters&) { return TwoSidedRge<>{.epsilon = epsilon, .queries = queries}; },
                                               [&](const Problem& at, std::uint64_t step) { return two_sided(at, step, queries); }, forward_of,
                                               false);
    }
}

TEST_CASE("The loss's scale does not matter to a normalised rule") {
    const Normalized normalized{.rule = Sgd{.learning_rate = 0.01}};
    const Vector start = problem(0).weights;
    const Vector end = trained(normalized, 1);
    CHECK(farthest(start, end) > 0.1);
    CHECK(farthest(end, trained(normalized, 1000)) < 1e-5);
    CHECK(farthest(end, trained(normalized, 1e-3)) < 1e-2); // delta begins to count
    CHECK(farthest(trained(Sgd{.learning_rate = 0.01}, 1), trained(Sgd{.learning_rate = 0.01}, 1000)) > 0.1);
}

TEST_CASE("Without memory of v a step of one query is the sign's") {
    const Vector signs = trained(ScalarSignSgd{.learning_rate = 0.01}, 1);
    CHECK(farthest(signs, trained(Normalized{.rule = Sgd{.learning_rate = 0.01}, .beta = 0}, 1)) < 1e-4);
}

TEST_CASE("A first step moves the weights by the learning rate, whatever the queries") {
    for (const std::uint32_t queries : {1u, 4u, 16u}) {
        std::vector<double> w(2000);
        Parameters parameters;
        parameters.add("w", std::span{w});
        Optimizer optimizer{parameters, TwoSidedRge{.direction = Rademacher{}, .queries = queries}, Normalized{.rule = Sgd{.learning_rate = 0.5}},
                            Settings{.restore = Snapshot{}}, Doubles{}};
        optimizer.step([&] {
            double sum = 0;
            for (std::size_t i = 0; i < w.size(); ++i) {
                sum += w[i] * std::cos(static_cast<double>(i));
            }
            return sum;
        });
        double square = 0;
        for (const double x : w) {
            square += x * x / 0.25 / 2000;
        }
        // Of sum_j c_j z_j over the root of sum_j c_j^2: E = 1, E of the fourth power at most 3.
        CHECK(std::abs(square - 1) < (queries == 1 ? 1e-6 : 5 * std::sqrt(2.0 / 2000)));
    }
}

TEST_CASE("A refused step leaves v as it was") {
    Problem dense = problem(0);
    Problem ours = dense;
    const Parameters parameters = ours.parameters();
    Dense<Normalized<Sgd>> plain;
    Optimizer optimizer{parameters, TwoSidedRge<>{.epsilon = epsilon}, plain.rule(), Settings<Snapshot>{.seed = seed}, Doubles{}};
    for (std::uint64_t step = 0; step < 40; ++step) {
        const bool refused = step % 5 == 3;
        const StepReport report = optimizer.step([&] { return refused ? std::numeric_limits<double>::quiet_NaN() : ours.loss(ours.weights); });
        REQUIRE((report.reason == Reason::non_finite_loss) == refused);
        if (!refused) {
            plain.step(dense, two_sided(dense, step, 1));
        }
        REQUIRE(farthest(ours.weights, dense.weights) < 1e-9);
    }
}

TEST_CASE("A normalised rule takes its memory once, hands on the report's terms untouched, and refuses what is out of range") {
    Normalized<Sgd> rule{};
    Normalized<Sgd>::State state{rule, {}, 3, StateAllocator{}};
    const std::size_t capacity = state.scaled.terms.capacity();
    CHECK(capacity >= 3);
    Estimate estimate;
    estimate.terms = {{Key{1, 0, 0}, 3.0}, {Key{1, 0, 1}, 4.0}};
    Gradient<PlainStep> gradient;
    static_cast<void>(rule.move(estimate, Key{1, 0, 0}, state, gradient));
    CHECK(state.scaled.terms.capacity() == capacity);
    CHECK(estimate.terms[0].coefficient == 3.0);
    REQUIRE(gradient.size() == 2);
    CHECK(std::abs(gradient[0].coefficient[0] - 0.6) < 1e-8);
    CHECK(std::abs(gradient[1].coefficient[0] - 0.8) < 1e-8);
    // No gradient, no step.
    const Normalized<Sgd> still{};
    Normalized<Sgd>::State at_rest{still, {}, 3, StateAllocator{}};
    estimate.terms = {{Key{1, 0, 0}, 0.0}};
    gradient.clear();
    static_cast<void>(still.move(estimate, Key{1, 0, 0}, at_rest, gradient));
    CHECK(gradient[0].coefficient[0] == 0.0);
    for (const double beta : {-0.1, 1.0, std::numeric_limits<double>::quiet_NaN()}) {
        CHECK_THROWS_AS(Normalized{.beta = beta}.validate(), std::invalid_argument);
    }
    CHECK_THROWS_AS(Normalized{.delta = 0}.validate(), std::invalid_argument);
    CHECK_THROWS_AS(Normalized{.rule = Sgd{.learning_rate = -1}}.validate(), std::invalid_argument);
    CHECK_NOTHROW(Normalized{.rule = Adam{}}.validate());
}
