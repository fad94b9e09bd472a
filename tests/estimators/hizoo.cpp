// HiZOO: curvature along the directions, which it makes the weights' factors of.

#include "backends/bit_equality.hpp"
#include "reference_of.hpp"

#include <zeroth/estimators/hizoo_rge.hpp>
#include <zeroth/estimators/two_sided_rge.hpp>
#include <zeroth/optimizer.hpp>
#include <zeroth/updates/hizoo_sgd.hpp>
#include <zeroth/updates/sgd.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cmath>
#include <limits>
#include <span>
#include <utility>
#include <vector>

using namespace zeroth;
using zeroth_test::ReferenceOf;

namespace {

/// sum_i lambda_i w_i^2 / 2 with lambda from 1e-2 to 1e2, each weight with the same share of the loss.
struct BadlyScaled {
    static constexpr std::size_t size = 16;
    std::vector<double> curvature = std::vector<double>(size);
    std::vector<double> weights = std::vector<double>(size);

    BadlyScaled() {
        for (std::size_t i = 0; i < size; ++i) {
            curvature[i] = std::pow(10.0, 4 * static_cast<double>(i) / (size - 1) - 2);
            weights[i] = 1 / std::sqrt(curvature[i]);
        }
    }
    [[nodiscard]] double loss() const {
        double sum = 0;
        for (std::size_t i = 0; i < size; ++i) {
            sum += curvature[i] * weights[i] * weights[i] / 2;
        }
        return sum;
    }
    Parameters parameters() {
        Parameters result;
        result.add("first", std::span{weights}.first(5));
        result.add("second", std::span{weights}.subspan(5));
        return result;
    }
};

template <class E, class Rule>
double loss_after(std::uint64_t passes, std::uint64_t seed, const E& estimator, const Rule& rule) {
    BadlyScaled problem;
    Optimizer optimizer{problem.parameters(), estimator, rule, {.seed = seed}, ReferenceOf<double>{}};
    for (std::uint64_t used = 0; used + optimizer.forward_passes() <= passes; used += optimizer.forward_passes()) {
        optimizer.step([&] { return problem.loss(); });
    }
    return problem.loss();
}

/// A loss of floats that has curvature everywhere.
template <class T>
double bowl(const std::vector<T>& w) {
    double sum = 0;
    for (std::size_t i = 0; i < w.size(); ++i) {
        const double error = static_cast<double>(static_cast<float>(w[i])) - 0.1;
        sum += (1 + static_cast<double>(i % 7)) * error * error;
    }
    return sum / 100;
}

constexpr std::size_t count = 700;

template <class T, class Restore, class B>
std::vector<T> run_steps(const Restore& restore, const B& backend, std::vector<Estimate>* record = nullptr) {
    std::vector<T> w = zeroth_test::weights<T>(count);
    Parameters parameters;
    parameters.add("a", std::span{w}.first(300));
    parameters.add("b", std::span{w}.subspan(300));
    const HizooRge<> estimator{.epsilon = 1e-2, .queries = 3};
    Optimizer optimizer{parameters, estimator, HizooSgd{.learning_rate = 1e-2, .smoothing = 0.05, .weight_decay = 0.01},
                        Settings<Restore>{.seed = 9, .restore = restore}, backend};
    for (int step = 0; step < 5; ++step) {
        const StepReport report = optimizer.step([&] { return bowl(w); });
        REQUIRE(report.reason == Reason::updated);
        CHECK(report.forward_passes == 7);
        CHECK(report.traversals == 7);
        if (record != nullptr) {
            Estimate& estimate = record->emplace_back();
            estimate.terms.assign(report.terms.begin(), report.terms.end());
            for (std::size_t q = 0; q < 3; ++q) {
                const double above = report.losses[1 + 2 * q] - report.losses[0];
                const double below = report.losses[2 + 2 * q] - report.losses[0];
                estimate.add_curvature(std::abs(above + below) / (2 * 1e-2 * 1e-2), 3);
            }
        }
    }
    CHECK(optimizer.state_bytes() >= 4 * count + (std::is_same_v<Restore, Snapshot> ? sizeof(T) * count : 0));
    return w;
}

template <class T, class Restore>
void check_backends() {
    using zeroth_test::weights;
    const auto expected = run_steps<T>(Restore{}, ReferenceOf<T>{});
    const auto result = run_steps<T>(Restore{}, Threads<Simd<WidestArch, ScalarTypes<T>>>{{}, 2, 1});
    CHECK(std::memcmp(expected.data(), result.data(), count * sizeof(T)) == 0);
    CHECK(std::memcmp(expected.data(), weights<T>(count).data(), count * sizeof(T)) != 0);
}

} // namespace

TEST_CASE("The curvature along a direction is half of z' H z") {
    BadlyScaled problem;
    const HizooRge<> estimator{.epsilon = 1e-3};
    const Parameters parameters = problem.parameters();
    Cursor<Preconditioned<>, Snapshot, ReferenceOf<double>> cursor{parameters, estimator.direction, {}, {}, 1.0, 1, 1};
    Estimate estimate;
    const auto loss = [&] { return problem.loss(); };
    estimator(cursor, loss, Key{1, 2, 0}, estimate);
    double expected = 0;
    for (std::size_t i = 0; i < BadlyScaled::size; ++i) {
        const Block& block = parameters.blocks()[i < 5 ? 0 : 1];
        const auto z = static_cast<double>(Gaussian{}(Key{1, 2, 0}, block.identity, i < 5 ? i : i - 5));
        expected += problem.curvature[i] * z * z / 2;
    }
    REQUIRE(estimate.curvatures.size() == 1);
    CHECK(std::abs(estimate.curvatures[0] / expected - 1) < 1e-6);
}

TEST_CASE("An update makes the factors and moves along them, weight by weight") {
    std::vector<double> w(40, 0.5);
    Parameters parameters;
    parameters.add("w", std::span{w});
    Cursor<Preconditioned<>, Snapshot, ReferenceOf<double>, HizooStep> cursor{parameters, Preconditioned<>{}, {}, {}, 1.0, 2, 2};
    const double smoothing = 0.25;
    std::vector<double> h(40, 1.0);
    std::vector<double> base(40, 0.5);
    for (std::uint64_t step = 0; step < 3; ++step) {
        const Key one{7, step, 0};
        const Key two{7, step, 1};
        const std::vector<GradientTerm<2>> terms{{one, {0.3, 1.5}}, {two, {-0.2, 4.0}}};
        cursor.stand_at(Term{one, 1e-2});
        for (std::size_t i = 0; i < 40; ++i) {
            const auto x = static_cast<double>(Gaussian{}(one, parameters.blocks()[0].identity, i));
            REQUIRE(std::abs(w[i] - (base[i] + 1e-2 * x / std::sqrt(h[i]))) < 1e-7);
        }
        cursor.update(zeroth_test::descend(0.9, -0.1, one, HizooStep{.smoothing = smoothing}), std::span<const GradientTerm<2>>{terms});
        if (step == 1) { // straight to another displacement: by the factors after the update
            cursor.stand_at(Term{two, 1e-2});
        }
        cursor.settle();
        for (std::size_t i = 0; i < 40; ++i) {
            const auto x1 = static_cast<double>(Gaussian{}(one, parameters.blocks()[0].identity, i));
            const auto x2 = static_cast<double>(Gaussian{}(two, parameters.blocks()[0].identity, i));
            h[i] *= 1 - smoothing + smoothing * (1.5 * x1 * x1 + 4 * x2 * x2);
            base[i] += -0.1 * (0.3 * x1 - 0.2 * x2) / std::sqrt(h[i]) - 0.1 * base[i];
            REQUIRE(std::abs(w[i] - base[i]) < 1e-6);
        }
    }
    CHECK(cursor.traversals() == 3 * 2 + 2);
}

TEST_CASE("On a badly scaled quadratic HiZOO beats descent at the same number of forward passes") {
    constexpr std::uint64_t passes = 6000;
    for (const std::uint64_t seed : {5u, 6u, 7u}) {
        double best = std::numeric_limits<double>::infinity();
        for (const double rate : {5e-4, 1e-3, 2e-3, 4e-3, 6e-3, 8e-3}) {
            best = std::fmin(best, loss_after(passes, seed, TwoSidedRge{}, Sgd{.learning_rate = rate}));
        }
        CHECK(best > 0.5);
        CHECK(loss_after(passes, seed, HizooRge<>{}, HizooSgd{.learning_rate = 0.2, .smoothing = 0.1}) < 1e-3);
    }
}

TEST_CASE("Every backend gives HiZOO's bits, in place and from a copy") {
    check_backends<float, InPlace>();
    check_backends<float, Snapshot>();
    check_backends<bfloat16, Snapshot>();
}

TEST_CASE("A run is replayed from its keys, and two numbers for each") {
    std::vector<Estimate> record;
    const auto expected = run_steps<float>(Snapshot{}, ReferenceOf<float>{}, &record);
    std::vector<float> w = zeroth_test::weights<float>(count);
    Parameters parameters;
    parameters.add("a", std::span{w}.first(300));
    parameters.add("b", std::span{w}.subspan(300));
    const HizooSgd rule{.learning_rate = 1e-2, .smoothing = 0.05, .weight_decay = 0.01};
    HizooSgd::State state{rule, parameters.blocks(), 3, StateAllocator{}};
    Cursor<Preconditioned<>, InPlace, ReferenceOf<float>, HizooStep> cursor{parameters, Preconditioned<>{}, {}, {}, 1.0, 3, 3};
    for (std::uint64_t step = 0; step < record.size(); ++step) {
        Gradient<HizooStep> gradient;
        const Descend<HizooStep> move = rule.move(record[step], Key{9, step, 0}, state, gradient);
        cursor.update(move, std::span<const GradientTerm<2>>{gradient});
        cursor.settle();
    }
    CHECK(w == expected);
}

TEST_CASE("A curvature that is not finite is no update") {
    std::vector<float> w(10, 1.0f);
    Parameters parameters;
    parameters.add("w", std::span{w});
    Optimizer optimizer{parameters, HizooRge<>{.epsilon = 1e-15}, HizooSgd{}, Settings<Snapshot>{}, ReferenceOf<float>{}};
    int call = 0;
    const StepReport report = optimizer.step([&] { return ++call == 1 ? 0.0 : 1e2; });
    CHECK(report.reason == Reason::non_finite_update);
    CHECK(w == std::vector<float>(10, 1.0f));
    CHECK_THROWS_AS((HizooSgd{.smoothing = 1.0}.validate()), std::invalid_argument);
    CHECK_THROWS_AS((HizooRge<>{.epsilon = 0}.validate()), std::invalid_argument);
}
