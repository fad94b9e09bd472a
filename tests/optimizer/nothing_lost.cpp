// Contract 5: a loss that throws, or is not finite, leaves the weights as they were before the step and the optimizer usable.

#include "optimizer/counting.hpp"

#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>

#include <cmath>
#include <limits>
#include <stdexcept>

using namespace zeroth;

namespace {

using Registers = Simd<WidestArch, ScalarTypes<float>>;

struct Interrupted : std::runtime_error {
    Interrupted() : std::runtime_error{"interrupted"} {}
};

/// 1,000 steps; in each the loss fails once at a call that moves through all of them, then the step is made again.
/// Returns how far weights ever were from what they were before the failure, in units of the last place of the displaced weight.
template <class Restore>
double worst_after_failure(Settling settling, bool throws, std::vector<float>& final_weights, bool fail) {
    Quadratic problem{203};
    constexpr double epsilon = 1e-3;
    Optimizer optimizer{problem.parameters(), TwoSidedRge{.direction = Gaussian{}, .epsilon = epsilon, .queries = 2},
                        Sgd{.learning_rate = 1e-3}, Settings<Restore>{.seed = 9, .restore = {}, .settling = settling},
                        Registers{}};
    double worst = 0;
    for (int step = 0; step < 1000; ++step) {
        optimizer.settle();
        const std::vector<float> before = problem.weights;
        if (fail) {
            const int bad = step % 4;
            int call = 0;
            const auto forward = [&] {
                if (call++ == bad) {
                    if (throws) {
                        throw Interrupted{};
                    }
                    return step % 8 < 4 ? std::numeric_limits<double>::quiet_NaN() : std::numeric_limits<double>::infinity();
                }
                return problem.loss();
            };
            if (throws) {
                CHECK_THROWS_AS(optimizer.step(forward), Interrupted);
            } else {
                const StepReport report = optimizer.step(forward);
                CHECK(report.reason == Reason::non_finite_loss);
                CHECK(!std::isfinite(report.loss));
                CHECK(report.forward_passes == static_cast<std::uint64_t>(bad + 1));
            }
            for (std::size_t i = 0; i < before.size(); ++i) {
                const double ulp = std::ldexp(1.0, std::ilogb(std::abs(static_cast<double>(before[i])) + 5 * epsilon) - 23);
                const double moved = std::abs(static_cast<double>(problem.weights[i]) - static_cast<double>(before[i]));
                worst = std::max(worst, moved / ulp);
            }
        }
        CHECK(optimizer.step([&] { return problem.loss(); }).reason == Reason::updated);
    }
    optimizer.settle();
    final_weights = problem.weights;
    return worst;
}

} // namespace

TEMPLATE_TEST_CASE("A loss that throws at any call leaves the weights bit-identical", "", Exact, Snapshot) {
    for (const Settling settling : {Settling::each_step, Settling::lazily}) {
        std::vector<float> with_failures;
        std::vector<float> without;
        CHECK(worst_after_failure<TestType>(settling, true, with_failures, true) == 0);
        worst_after_failure<TestType>(settling, true, without, false);
        // A step that threw was not counted: the run is the one it would have been.
        CHECK(with_failures == without);
        CHECK(worst_after_failure<TestType>(settling, false, with_failures, true) == 0);
    }
}

TEST_CASE("In place, a failed step leaves the weights within half a unit a traversal") {
    for (const Settling settling : {Settling::each_step, Settling::lazily}) {
        std::vector<float> weights;
        const double worst = worst_after_failure<InPlace>(settling, true, weights, true);
        CHECK(worst > 0);
        CHECK(worst <= 5 * 0.5); // at most 4 perturbations and the way home
    }
}

TEST_CASE("An update that is not finite leaves the weights as they were, and the report says so") {
    Quadratic problem{30};
    const std::vector<float> before = problem.weights;
    int call = 0;
    const auto overflowing = [&] { return ++call % 2 == 1 ? 1e308 : -1e308; };
    Optimizer optimizer{problem.parameters(), TwoSidedRge{.epsilon = 1e-3, .queries = 2}, Sgd{.learning_rate = 1e-3},
                        Settings{.restore = Snapshot{}}, Registers{}};
    const StepReport report = optimizer.step(overflowing);
    CHECK(report.reason == Reason::non_finite_update);
    CHECK(to_string(report.reason) == "non-finite update");
    CHECK(report.forward_passes == 2);
    CHECK(problem.weights == before);
    CHECK(optimizer.step([&] { return problem.loss(); }).reason == Reason::updated);
    CHECK(problem.weights != before);

    const std::vector<float> updated = problem.weights;
    Optimizer fast{problem.parameters(), TwoSidedRge{.epsilon = 1e-3}, Sgd{.learning_rate = 1e38},
                   Settings{.restore = Snapshot{}}, Registers{}};
    CHECK(fast.step([&] { return 1e10 * problem.loss(); }).reason == Reason::non_finite_update);
    CHECK(problem.weights == updated);

    // Clipped, the first is an update like any other.
    call = 0;
    Optimizer clipped{problem.parameters(), TwoSidedRge{.epsilon = 1e-3, .clip = 2.0}, Sgd{.learning_rate = 1e-3}, {}, Registers{}};
    CHECK(clipped.step(overflowing).reason == Reason::updated);
    CHECK(problem.weights != updated);
}

TEST_CASE("A hook that throws is an exception of the step, and no second one") {
    Quadratic problem{30};
    const std::vector<float> before = problem.weights;
    Parameters parameters = problem.parameters();
    int calls = 0;
    int bad = 0;
    parameters.on_change([&](std::span<const Block>) {
        if (++calls >= bad) {
            throw Interrupted{};
        }
    });
    for (bad = 1; bad <= 2; ++bad) {
        Optimizer optimizer{parameters, TwoSidedRge{}, Sgd{.learning_rate = 1e-3}, Settings{.restore = Snapshot{}}, Registers{}};
        calls = 0;
        CHECK_THROWS_AS(optimizer.step([&] { return problem.loss(); }), Interrupted);
        CHECK(problem.weights == before);
        CHECK(optimizer.steps() == 0);
    }
    // Told of the update itself: the step is made.
    {
        Optimizer optimizer{parameters, TwoSidedRge{}, Sgd{.learning_rate = 1e-3}, Settings{.restore = Snapshot{}}, Registers{}};
        calls = 0;
        CHECK_THROWS_AS(optimizer.step([&] { return problem.loss(); }), Interrupted);
        CHECK(problem.weights != before);
        CHECK(optimizer.steps() == 1);
    }
    // In a destructor that settles.
    const std::vector<float> updated = problem.weights;
    {
        bad = 4;
        Optimizer optimizer{parameters, TwoSidedRge{}, Sgd{.learning_rate = 1e-3},
                            Settings{.restore = Snapshot{}, .settling = Settling::lazily}, Registers{}};
        calls = 0;
        CHECK(optimizer.step([&] { return problem.loss(); }).reason == Reason::updated);
        bad = 0;
    }
    CHECK(problem.weights != updated);
}

TEST_CASE("A run is its seed and its scalars: the same bits again, and going on from a step") {
    const auto run = [](std::uint64_t seed, std::uint64_t first, std::uint64_t last, std::vector<float>* weights) {
        Quadratic problem{500};
        if (first > 0) {
            problem.weights = *weights;
        }
        Optimizer optimizer{problem.parameters(), TwoSidedRge{.direction = Rademacher{}}, Sgd{.learning_rate = 1e-3},
                            Settings{.seed = seed, .first_step = first}, Registers{}};
        for (std::uint64_t step = first; step < last; ++step) {
            CHECK(optimizer.step([&] { return problem.loss(); }).step == step);
        }
        *weights = problem.weights;
    };
    std::vector<float> whole;
    std::vector<float> again;
    std::vector<float> other;
    run(1, 0, 60, &whole);
    run(1, 0, 60, &again);
    run(2, 0, 60, &other);
    CHECK(whole == again);
    CHECK(whole != other);
    run(1, 0, 25, &again);
    run(1, 25, 60, &again);
    CHECK(whole == again);
}
