// FZOO: its coefficients by hand, its floor, its counts, and that the losses' scale does not matter.

#include <zeroth/estimators/fzoo.hpp>
#include <zeroth/zeroth.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <stdexcept>
#include <vector>

using namespace zeroth;

namespace {

struct Run {
    std::vector<double> weights;
    StepReport report;
    std::vector<double> coefficients;
};

template <class Loss>
Run step(std::vector<double> weights, const Fzoo<>& estimator, Loss loss) {
    Run run{std::move(weights), {}, {}};
    Parameters parameters;
    parameters.add("w", std::span{run.weights});
    Optimizer optimizer{parameters, estimator, Sgd{.learning_rate = 0.5}, Settings{.seed = 3, .restore = Snapshot{}}};
    run.report = optimizer.step([&] { return loss(run.weights); });
    for (const Term& term : run.report.terms) {
        run.coefficients.push_back(term.coefficient);
    }
    return run;
}

} // namespace

TEST_CASE("FZOO's coefficients are differences to the base over the deviation of the others, shared among the queries") {
    const std::vector<double> losses = {1.0, 1.5, 0.5, 2.5, 1.5}; // mean of the last four 1.5, squares 0 1 1 0
    std::size_t call = 0;
    const Run run = step(std::vector<double>(9, 1.0), Fzoo<>{.queries = 4}, [&](const std::vector<double>&) { return losses[call++]; });
    CHECK(run.report.reason == Reason::updated);
    CHECK(run.report.loss == 1.0);
    CHECK(run.report.forward_passes == 5);
    CHECK(run.report.traversals == 5);
    const double deviation = std::sqrt(2.0 / 3.0);
    REQUIRE(run.coefficients.size() == 4);
    for (std::size_t j = 0; j < 4; ++j) {
        CHECK(std::abs(run.coefficients[j] - (losses[j + 1] - 1.0) / deviation / 4) < 1e-15);
    }
    for (std::size_t i = 0; i < 9; ++i) {
        double moved = 1.0;
        for (std::uint32_t j = 0; j < 4; ++j) {
            moved -= 0.5 * run.coefficients[j] * static_cast<double>(Rademacher{}(Key{3, 0, j}, BlockIdentity{hash_name("w"), 9, 1}, i));
        }
        CHECK(std::abs(run.weights[i] - moved) < 1e-15);
    }
}

TEST_CASE("Losses that agree are divided by the floor") {
    std::size_t call = 0;
    const Run run = step(std::vector<double>(9, 1.0), Fzoo<>{.queries = 2, .floor = 0.125}, [&](const std::vector<double>&) { return call++ == 0 ? 1.0 : 1.25; });
    for (const double coefficient : run.coefficients) {
        CHECK(coefficient == 1.0);
    }
    // The floor is the base's loss times 0.125, whatever the losses' scale.
    for (const double scale : {0x1p-40, 0x1p-10, 0x1p20}) {
        call = 0;
        const Run scaled = step(std::vector<double>(9, 1.0), Fzoo<>{.queries = 2, .floor = 0.125},
                                [&](const std::vector<double>&) { return scale * (call++ == 0 ? 1.0 : 1.25); });
        CHECK(scaled.coefficients == run.coefficients);
    }
    const Run still = step(std::vector<double>(9, 1.0), Fzoo<>{}, [](const std::vector<double>&) { return 1.0; });
    CHECK(still.weights == std::vector<double>(9, 1.0));
}

TEST_CASE("FZOO's step does not depend on the scale of the losses, and descends") {
    std::vector<double> weights(200);
    for (std::size_t i = 0; i < weights.size(); ++i) {
        weights[i] = 1 + static_cast<double>(i % 7);
    }
    const auto quadratic = [](double scale) {
        return [scale](const std::vector<double>& w) {
            double sum = 0;
            for (const double value : w) {
                sum += scale * value * value;
            }
            return sum;
        };
    };
    const Run small = step(weights, Fzoo<>{.queries = 32}, quadratic(0.25));
    const Run large = step(weights, Fzoo<>{.queries = 32}, quadratic(64));
    CHECK(small.weights == large.weights); // the scales are powers of two
    Run run = small;
    CHECK(quadratic(1)(run.weights) < quadratic(1)(weights));
}

TEST_CASE("FZOO refuses settings out of range, and losses that are not finite") {
    CHECK_THROWS_AS((Fzoo<>{.queries = 1}.validate()), std::invalid_argument);
    CHECK_THROWS_AS((Fzoo<>{.floor = 0}.validate()), std::invalid_argument);
    CHECK_THROWS_AS((Fzoo<>{.epsilon = 0}.validate()), std::invalid_argument);
    CHECK_THROWS_AS((Fzoo<>{.clip = 0}.validate()), std::invalid_argument);
    std::size_t call = 0;
    const std::vector<double> weights(9, 1.0);
    const Run run = step(weights, Fzoo<>{.queries = 3}, [&](const std::vector<double>&) { return call++ == 2 ? std::numeric_limits<double>::infinity() : 1.0; });
    CHECK(run.report.reason == Reason::non_finite_loss);
    CHECK(run.report.forward_passes == 3);
    CHECK(run.weights == weights);
}

TEST_CASE("FZOO clips its coefficients, and settles lazily in as many traversals as passes") {
    const std::vector<double> losses = {1.0, 1.5, 0.5, 2.5, 1.5};
    std::size_t call = 0;
    const Run run = step(std::vector<double>(9, 1.0), Fzoo<>{.queries = 4, .clip = 1}, [&](const std::vector<double>&) { return losses[call++]; });
    CHECK(run.report.clipped == 1); // 1.5 over a deviation of 0.82
    CHECK(run.coefficients[2] == 0.25);
    CHECK(std::abs(run.coefficients[0] - 0.5 / std::sqrt(2.0 / 3.0) / 4) < 1e-15);

    std::vector<double> weights(9, 1.0);
    Parameters parameters;
    parameters.add("w", std::span{weights});
    Optimizer optimizer{parameters, Fzoo<>{.queries = 4}, Sgd{.learning_rate = 0.5}, Settings{.settling = Settling::lazily}};
    const auto forward = [&] { return weights[0] + 0.1 * weights[3]; };
    optimizer.step(forward);
    CHECK(optimizer.step(forward).traversals == 5);
}
