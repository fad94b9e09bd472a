// Contract 5, exhaustively: in each of 1,000 steps the loss fails at every one of its calls before it is let through.

#include <zeroth/zeroth.hpp>

#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>

#include <cmath>
#include <limits>
#include <span>
#include <vector>

using namespace zeroth;

namespace {

struct Interrupted {};

constexpr std::size_t n = 61;

struct Problem {
    std::vector<float> weights = std::vector<float>(n);

    Problem() {
        for (std::size_t i = 0; i < n; ++i) {
            weights[i] = 0.05f * static_cast<float>(i % 11) - 0.2f;
        }
    }
    Parameters parameters() {
        Parameters result;
        result.add("first", std::span{weights}.first(20));
        result.add("second", std::span{weights}.subspan(20));
        return result;
    }
    double loss() const {
        double sum = 0;
        for (std::size_t i = 0; i < n; ++i) {
            const double x = static_cast<double>(weights[i]) - 0.1;
            sum += x * x * (1 + static_cast<double>(i % 3));
        }
        return sum;
    }
};

template <class Restore>
Settings<Restore> settings(Settling settling) {
    return {.seed = 31, .restore = {}, .settling = settling};
}

const Sgd rule{.learning_rate = 1e-3, .weight_decay = 0.01};

/// The weights before each of 1,000 steps of which none fails, and after the last.
template <class Restore, class E>
std::vector<std::vector<float>> undisturbed(const E& estimator, Settling settling) {
    Problem problem;
    std::vector<std::vector<float>> bases;
    Optimizer optimizer{problem.parameters(), estimator, rule, settings<Restore>(settling)};
    for (int step = 0; step < 1000; ++step) {
        if (settling == Settling::each_step) {
            bases.push_back(problem.weights);
        }
        optimizer.step([&] { return problem.loss(); });
    }
    optimizer.settle();
    bases.push_back(problem.weights);
    return bases;
}

template <class Restore, class E>
void interrupt_everywhere(const E& estimator) {
    const std::vector<std::vector<float>> bases = undisturbed<Restore>(estimator, Settling::each_step);
    REQUIRE(bases.front() != bases.back());
    // Where moves are exact it does not matter when they are made.
    REQUIRE(undisturbed<Restore>(estimator, Settling::lazily).back() == bases.back());
    const auto calls = static_cast<int>(estimator.forward_passes());
    for (const Settling settling : {Settling::each_step, Settling::lazily}) {
        Problem problem;
        Optimizer optimizer{problem.parameters(), estimator, rule, settings<Restore>(settling)};
        for (std::size_t step = 0; step < 1000; ++step) {
            for (int bad = 0; bad < calls; ++bad) {
                int call = 0;
                const auto forward = [&] {
                    if (call++ == bad) {
                        throw Interrupted{};
                    }
                    return problem.loss();
                };
                REQUIRE_THROWS_AS(optimizer.step(forward), Interrupted);
                REQUIRE(call == bad + 1);
                REQUIRE(problem.weights == bases[step]);
                REQUIRE(optimizer.steps() == step);
            }
            REQUIRE(optimizer.step([&] { return problem.loss(); }).step == step);
        }
        optimizer.settle();
        CHECK(problem.weights == bases.back());
    }
}

} // namespace

TEMPLATE_TEST_CASE("A loss that throws at every call of 1,000 steps changes no bit of the run", "", Exact, Snapshot) {
    interrupt_everywhere<TestType>(TwoSidedRge<Rademacher>{.epsilon = 1e-3, .queries = 2});
    interrupt_everywhere<TestType>(OneSidedRge<Rademacher>{.epsilon = 1e-3, .queries = 2});
}

TEST_CASE("In place, a loss that throws at any call leaves the weights within half a unit a traversal") {
    const TwoSidedRge<Rademacher> estimator{.epsilon = 1e-3, .queries = 2};
    Problem problem;
    Optimizer optimizer{problem.parameters(), estimator, rule, settings<InPlace>(Settling::each_step)};
    double worst = 0;
    for (int step = 0; step < 1000; ++step) {
        for (int bad = 0; bad < 4; ++bad) {
            const std::vector<float> before = problem.weights;
            const std::uint64_t traversals_before = optimizer.cursor().traversals();
            int call = 0;
            const auto forward = [&] {
                if (call++ == bad) {
                    throw Interrupted{};
                }
                return problem.loss();
            };
            REQUIRE_THROWS_AS(optimizer.step(forward), Interrupted);
            const auto traversals = static_cast<double>(optimizer.cursor().traversals() - traversals_before);
            REQUIRE(traversals == bad + 2);
            for (std::size_t i = 0; i < n; ++i) {
                const double reached = std::abs(static_cast<double>(before[i])) + 1e-3;
                const double unit = std::ldexp(1.0, std::ilogb(reached * 1.001) - 23);
                const double moved = std::abs(static_cast<double>(problem.weights[i]) - static_cast<double>(before[i]));
                REQUIRE(moved <= traversals / 2 * unit);
                worst = std::max(worst, moved);
            }
        }
        REQUIRE(optimizer.step([&] { return problem.loss(); }).reason == Reason::updated);
    }
    CHECK(worst > 0);
}

TEMPLATE_TEST_CASE("A loss that is not finite at any call restores the weights, settled or lazily", "", Exact, Snapshot) {
    // Two runs with the same losses: one settled after each step shows where the base is.
    const TwoSidedRge<Rademacher> estimator{.epsilon = 1e-3, .queries = 2};
    Problem settled;
    Problem lazy;
    Optimizer at_once{settled.parameters(), estimator, rule, settings<TestType>(Settling::each_step)};
    Optimizer later{lazy.parameters(), estimator, rule, settings<TestType>(Settling::lazily)};
    constexpr double values[] = {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity(),
                                 -std::numeric_limits<double>::infinity()};
    for (int step = 0; step < 600; ++step) {
        const int bad = step % 5; // the fifth is none
        const double value = values[step % 3];
        const std::vector<float> before = settled.weights;
        const auto run = [&](auto& optimizer, const Problem& problem) {
            int call = 0;
            const StepReport report = optimizer.step([&] { return call++ == bad ? value : problem.loss(); });
            REQUIRE((report.reason == Reason::non_finite_loss) == (bad < 4));
            REQUIRE(report.step == static_cast<std::uint64_t>(step));
            REQUIRE(report.forward_passes == static_cast<std::uint64_t>(bad < 4 ? bad + 1 : 4));
            REQUIRE(std::isfinite(report.loss) == (bad == 4));
        };
        run(at_once, settled);
        run(later, lazy);
        if (bad < 4) {
            REQUIRE(settled.weights == before);
            REQUIRE(lazy.weights == before);
        } else {
            REQUIRE(settled.weights != before);
        }
    }
}
