#include <zeroth/zeroth.hpp>

#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>

#include <cmath>
#include <limits>
#include <span>
#include <string>
#include <vector>

using namespace zeroth;

namespace {

constexpr std::size_t n = 50;

/// Weights and a linear loss of known gradient a.
struct Slope {
    std::vector<float> weights = std::vector<float>(n, 0.5f);

    static double a(std::size_t i) { return std::sin(static_cast<double>(i)) + 0.2; }
    double loss() const {
        double sum = 0;
        for (std::size_t i = 0; i < n; ++i) {
            sum += a(i) * static_cast<double>(weights[i]);
        }
        return sum;
    }
    Parameters parameters() {
        Parameters result;
        result.add("w", std::span{weights});
        return result;
    }
};

} // namespace

TEST_CASE("A report says what the step did") {
    Slope slope;
    const Linear rate{.rate = 0.5, .final_rate = 0.25, .steps = 4};
    Optimizer optimizer{slope.parameters(),
                        TwoSidedRge{.direction = Rademacher{}, .epsilon = 0.25, .queries = 2, .clip = 3},
                        Sgd{.learning_rate = rate},
                        Settings{.seed = 8, .first_step = 2}};
    CHECK(optimizer.backend() == "reference");
    CHECK(optimizer.steps() == 2);
    CHECK(optimizer.state_bytes() == 0);
    const double losses[] = {1.0, 0.5, 2.0, 4.0};
    int call = 0;
    const StepReport report = optimizer.step([&] { return losses[call++]; });
    CHECK(report.step == 2);
    CHECK(report.reason == Reason::updated);
    CHECK(to_string(report.reason) == "updated");
    CHECK(report.loss == 1.875);
    CHECK(std::vector<double>(report.losses.begin(), report.losses.end()) == std::vector<double>{1.0, 0.5, 2.0, 4.0});
    REQUIRE(report.terms.size() == 2);
    CHECK(report.terms[0] == Term{Key{8, 2, 0}, 0.5});
    CHECK(report.terms[1] == Term{Key{8, 2, 1}, -1.5}); // -4, clipped to -3, of two queries
    CHECK(report.clipped == 1);
    CHECK(report.learning_rate == 0.375);
    CHECK(report.forward_passes == 4);
    CHECK(report.traversals == 5);
    CHECK(report.backend == "reference");
    CHECK(optimizer.steps() == 3);
    CHECK(optimizer.traversals() == 5 + 2); // the weights' scale

    const StepReport bad = optimizer.step([] { return std::numeric_limits<double>::infinity(); });
    CHECK(bad.step == 3);
    CHECK(bad.reason == Reason::non_finite_loss);
    CHECK(to_string(bad.reason) == "non-finite loss");
    CHECK(std::isinf(bad.loss));
    CHECK(bad.losses.size() == 1);
    CHECK(bad.terms.empty());
    CHECK(bad.forward_passes == 1);
    CHECK(bad.traversals == 2); // there and back
    CHECK(optimizer.steps() == 4);
}

TEMPLATE_TEST_CASE("One step descends along a known gradient", "", Gaussian, Rademacher, Uniform, Sphere) {
    // On a linear loss a step moves it by -eta (a.z)^2, whatever the direction.
    int steps = 0;
    for (const bool two_sided : {true, false}) {
        Slope slope;
        const auto descend = [&](auto estimator) {
            Optimizer optimizer{slope.parameters(), estimator, Sgd{.learning_rate = 1e-3}, Settings{.seed = 5}};
            for (int step = 0; step < 20; ++step) {
                const double before = slope.loss();
                const StepReport report = optimizer.step([&] { return slope.loss(); });
                const double slope_along = report.terms[0].coefficient; // a.z
                const double expected = -1e-3 * slope_along * slope_along;
                // In single precision, of a loss near 10.
                REQUIRE(std::abs(slope.loss() - before - expected) < 1e-5 + 1e-3 * std::abs(expected));
                if (std::abs(expected) > 1e-4) {
                    REQUIRE(slope.loss() < before);
                    ++steps;
                }
            }
        };
        if (two_sided) {
            descend(TwoSidedRge<TestType>{.epsilon = 0.01});
        } else {
            descend(OneSidedRge<TestType>{.epsilon = 0.01});
        }
    }
    CHECK(steps > 30);
}

TEMPLATE_TEST_CASE("The terms of the reports are the whole run", "", InPlace, Snapshot, Exact) {
    Slope slope;
    const Sgd rule{.learning_rate = Linear{.rate = 1e-2, .final_rate = 1e-3, .steps = 80}, .weight_decay = 0.1};
    std::vector<std::vector<Term>> terms;
    {
        Optimizer optimizer{slope.parameters(), TwoSidedRge{.direction = Rademacher{}, .epsilon = 0x1p-10, .queries = 3}, rule,
                            Settings<TestType>{.seed = 77, .restore = {}}};
        for (int step = 0; step < 100; ++step) {
            const StepReport report = optimizer.step([&] { return slope.loss(); });
            terms.emplace_back(report.terms.begin(), report.terms.end());
        }
    }
    // Replayed without a single loss, knowing the keys and scalars.
    Slope replayed;
    {
        Cursor<Rademacher, TestType> cursor{replayed.parameters(), Rademacher{}, TestType{}, Reference{}, 0x1p-10, 3};
        for (std::uint64_t step = 0; step < 100; ++step) {
            cursor.update({.rate = rule.rate(step), .weight_decay = rule.weight_decay, .key = Key{77, step, 0}}, terms[step]);
            cursor.settle();
        }
    }
    double apart = 0;
    for (std::size_t i = 0; i < n; ++i) {
        apart = std::max(apart, std::abs(static_cast<double>(slope.weights[i] - replayed.weights[i])));
    }
    if (std::is_same_v<TestType, InPlace>) {
        CHECK(apart < 100 * 7 * 0.5 * 0x1p-22); // half a unit for each traversal of a weight below 4
    } else {
        CHECK(slope.weights == replayed.weights);
    }
    CHECK(replayed.weights != Slope{}.weights);
}

TEMPLATE_TEST_CASE("Going on from a step is the run itself", "", Snapshot, Exact) {
    const auto run = [](std::vector<float>& weights, std::uint64_t first, std::uint64_t last, Settling settling) {
        Slope slope;
        slope.weights = weights;
        {
            Optimizer optimizer{slope.parameters(), OneSidedRge{.direction = Rademacher{}, .epsilon = 1e-3},
                                Sgd{.learning_rate = 1e-3},
                                Settings<TestType>{.seed = 3, .first_step = first, .restore = {}, .settling = settling}};
            for (std::uint64_t step = first; step < last; ++step) {
                optimizer.step([&] { return slope.loss(); });
            }
        }
        weights = slope.weights;
    };
    std::vector<float> whole(n, 0.5f);
    run(whole, 0, 50, Settling::each_step);
    std::vector<float> parts(n, 0.5f);
    run(parts, 0, 20, Settling::each_step);
    run(parts, 20, 50, Settling::lazily);
    CHECK(parts == whole);
}

TEMPLATE_TEST_CASE("Weights the caller changes between steps are taken over", "", InPlace, Snapshot, Exact) {
    Slope slope;
    Optimizer optimizer{slope.parameters(), TwoSidedRge{.direction = Rademacher{}, .epsilon = 1e-3}, Sgd{.learning_rate = 0.0},
                        Settings<TestType>{.seed = 3, .restore = {}, .settling = Settling::lazily}};
    optimizer.step([&] { return slope.loss(); });
    optimizer.settle();
    slope.weights.assign(n, 0.25f);
    optimizer.adopt_weights();
    optimizer.step([&] { return slope.loss(); });
    optimizer.settle();
    for (const float w : slope.weights) {
        REQUIRE(std::abs(static_cast<double>(w) - 0.25) < 1e-7);
    }
}

TEST_CASE("What a restore policy keeps beside the weights is said") {
    Slope slope;
    const TwoSidedRge<Rademacher> estimator{};
    CHECK((Optimizer{slope.parameters(), estimator, Sgd{}, Settings{.restore = InPlace{}}}.state_bytes()) == 0);
    CHECK((Optimizer{slope.parameters(), estimator, Sgd{}, Settings{.restore = Snapshot{}}}.state_bytes()) == 4 * n);
    CHECK((Optimizer{slope.parameters(), estimator, Sgd{}, Settings{.restore = Exact{}}}.state_bytes()) == 24);
}
