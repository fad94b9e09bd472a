// Coordinate-wise estimates: the gradient weight by weight, at two forward passes each, and nothing else moved.

#include "optimizer/counting.hpp"

#include <zeroth/backends/simd.hpp>
#include <zeroth/estimators/coordinate_wise.hpp>
#include <zeroth/estimators/estimator.hpp>
#include <zeroth/estimators/forward_gradient.hpp>
#include <zeroth/zeroth.hpp>

#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>

#include <bit>
#include <cmath>
#include <limits>
#include <set>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

using namespace zeroth;

namespace {

/// L = a.w + w'Hw / 2, H with a neighbour's coupling: the gradient is known.
struct Coupled {
    std::vector<double> w;
    std::size_t first;

    Coupled(std::size_t n, std::size_t in_first) : w(n), first{in_first} {
        for (std::size_t i = 0; i < n; ++i) {
            w[i] = 0.7 * std::cos(static_cast<double>(i * i + 1));
        }
    }
    double loss() const {
        double sum = 0;
        for (std::size_t i = 0; i < w.size(); ++i) {
            const double next = w[(i + 1) % w.size()];
            sum += std::sin(static_cast<double>(i)) * w[i] + (1 + static_cast<double>(i % 3)) * w[i] * w[i] / 2 + 0.25 * w[i] * next;
        }
        return sum;
    }
    double derivative(std::size_t i) const {
        const std::size_t n = w.size();
        return std::sin(static_cast<double>(i)) + (1 + static_cast<double>(i % 3)) * w[i] + 0.25 * (w[(i + 1) % n] + w[(i + n - 1) % n]);
    }
    Parameters parameters() {
        Parameters result;
        result.add("first", std::span{w}.first(first));
        result.add("none", std::span{w}.first(0));
        result.add("second", std::span{w}.subspan(first));
        return result;
    }
};

std::string refusal(auto make) {
    try {
        make();
    } catch (const std::invalid_argument& error) {
        return error.what();
    }
    return "";
}

} // namespace

static_assert(Estimator<CoordinateWise> && accepts<CoordinateWise, double (*)()>);

TEST_CASE("With as many coordinates as weights the estimate is a quadratic's gradient, to rounding") {
    for (const std::size_t first : {1u, 20u, 33u}) {
        Coupled problem{34, first};
        const Parameters parameters = problem.parameters();
        const Coordinate direction{parameters};
        Cursor<Coordinate, Snapshot> cursor{parameters, direction, Snapshot{}, Reference{}, 1.0, 34};
        const CoordinateWise estimator{.direction = direction, .epsilon = 0.25, .coordinates = 34};
        const auto loss = [&] { return problem.loss(); };
        const double base = problem.loss();
        for (const std::uint64_t step : {0u, 1u, 7u}) {
            Estimate estimate;
            estimator(cursor, loss, Key{4, step, 0}, estimate);
            cursor.settle();
            REQUIRE(estimate.terms.size() == 34);
            CHECK(estimate.losses.size() == 68);
            double mean = 0;
            for (std::size_t i = 0; i < 34; ++i) {
                CHECK(estimate.terms[i].key == Key{4, step * 34 + i, 0});
                CHECK(direction.chosen(estimate.terms[i].key) == i);
                CHECK(std::abs(estimate.terms[i].coefficient - problem.derivative(i)) < 1e-13);
                mean += (estimate.losses[2 * i] + estimate.losses[2 * i + 1]) / 68;
            }
            CHECK(std::abs(estimate.loss - mean) < 1e-13);
            CHECK(std::abs(mean - base - 0.0625 * (33 + 33) / 34 / 2) < 1e-2);
        }
    }
}

TEST_CASE("In cyclic order ceil(d / coordinates) steps visit every weight, and in any order two probes stand at each") {
    for (const std::uint32_t coordinates : {1u, 5u, 7u, 34u}) {
        for (const CoordinateOrder order : {CoordinateOrder::cyclic, CoordinateOrder::random}) {
            Coupled problem{34, 20};
            const Parameters parameters = problem.parameters();
            const Coordinate direction{parameters, order};
            std::uint64_t writes = 0;
            Optimizer optimizer{parameters, CoordinateWise{.direction = direction, .epsilon = 0.5, .coordinates = coordinates},
                                Sgd{.learning_rate = 0.0}, Settings{.seed = 2, .restore = Snapshot{}}, Counting{&writes}};
            const std::vector<double> base = problem.w;
            std::multiset<std::size_t> visited;
            const std::uint64_t sweep = (34 + coordinates - 1) / coordinates;
            for (std::uint64_t step = 0; step < sweep; ++step) {
                const std::uint64_t writes_before = writes;
                int call = 0;
                const StepReport report = optimizer.step([&] {
                    int displaced = 0;
                    for (std::size_t i = 0; i < 34; ++i) {
                        if (problem.w[i] != base[i]) {
                            ++displaced;
                            REQUIRE(std::abs(problem.w[i] - base[i] - (call % 2 == 0 ? 0.5 : -0.5)) < 1e-14);
                            visited.insert(i);
                        }
                    }
                    REQUIRE(displaced == 1);
                    ++call;
                    return problem.loss();
                });
                REQUIRE(report.forward_passes == 2 * coordinates);
                REQUIRE(optimizer.forward_passes() == 2 * coordinates);
                REQUIRE(report.traversals == 2 * coordinates + 1);
                REQUIRE(writes - writes_before == 2 * coordinates + 1);
                REQUIRE(problem.w == base);
            }
            for (std::size_t i = 0; order == CoordinateOrder::cyclic && i < 34; ++i) {
                // What is over wraps round to the first ones.
                CHECK(visited.count(i) == (i < sweep * coordinates - 34 ? 4 : 2));
            }
        }
    }
}

TEST_CASE("Settling lazily a step takes two traversals a coordinate") {
    Coupled problem{34, 20};
    const Parameters parameters = problem.parameters();
    Optimizer optimizer{parameters, CoordinateWise{.direction = Coordinate{parameters}, .coordinates = 3}, Sgd{.learning_rate = 1e-2},
                        Settings{.seed = 2, .settling = Settling::lazily}};
    for (int step = 0; step < 20; ++step) {
        CHECK(optimizer.step([&] { return problem.loss(); }).traversals == 6);
    }
}

TEMPLATE_TEST_CASE("With Sgd and Exact all but the chosen weights keep their bits", "", float, double) {
    using Bits = std::conditional_t<sizeof(TestType) == 4, std::uint32_t, std::uint64_t>;
    std::vector<TestType> w(1000);
    for (std::size_t i = 0; i < w.size(); ++i) {
        w[i] = static_cast<TestType>(0.02 * std::cos(static_cast<double>(i * i + 1)));
    }
    Parameters parameters;
    parameters.add("a", std::span{w}.first(33));
    parameters.add("b", std::span{w}.subspan(33));
    for (const CoordinateOrder order : {CoordinateOrder::cyclic, CoordinateOrder::random}) {
        const Coordinate direction{parameters, order};
        Optimizer optimizer{parameters, CoordinateWise{.direction = direction, .coordinates = 4}, Sgd{.learning_rate = 1e-2},
                            Settings{.seed = 6, .restore = Exact{}}, Simd<>{}};
        const auto loss = [&] {
            double sum = 0;
            for (const TestType x : w) {
                sum += (static_cast<double>(x) - 0.5) * (static_cast<double>(x) - 0.5);
            }
            return sum;
        };
        for (std::uint64_t step = 0; step < 100; ++step) {
            const std::vector<TestType> before = w;
            const StepReport report = optimizer.step(loss);
            REQUIRE(report.reason == Reason::updated);
            std::set<std::uint64_t> chosen;
            for (const Term& term : report.terms) {
                chosen.insert(direction.chosen(term.key));
            }
            for (std::size_t i = 0; i < w.size(); ++i) {
                const bool same = std::bit_cast<Bits>(w[i]) == std::bit_cast<Bits>(before[i]);
                REQUIRE(same != chosen.contains(i));
            }
        }
    }
}

TEST_CASE("Sweeps of coordinate descent reach a quadratic's minimum") {
    Coupled problem{34, 20};
    const Parameters parameters = problem.parameters();
    Optimizer optimizer{parameters, CoordinateWise{.direction = Coordinate{parameters}, .epsilon = 0.1}, Sgd{.learning_rate = 0.3},
                        Settings{.restore = Snapshot{}}, Simd<>{}};
    double last = problem.loss();
    for (int step = 0; step < 34 * 60; ++step) {
        optimizer.step([&] { return problem.loss(); });
        // A rate under 2 / (largest curvature 3) descends along each coordinate.
        REQUIRE(problem.loss() <= last + 1e-14);
        last = problem.loss();
    }
    for (std::size_t i = 0; i < 34; ++i) {
        CHECK(std::abs(problem.derivative(i)) < 1e-6);
    }
}

TEST_CASE("Forward gradients along every coordinate are the gradient") {
    Coupled problem{34, 20};
    const Parameters parameters = problem.parameters();
    const Coordinate direction{parameters};
    Optimizer optimizer{parameters, ForwardGradient{.direction = direction}, Sgd{.learning_rate = 0.0}, Settings{}, Simd<>{}};
    std::vector<float> z(34);
    for (std::size_t step = 0; step < 34; ++step) {
        const StepReport report = optimizer.step([&](const Tangent& tangent) {
            tangent.fill(0, std::span{z}.first(20));
            tangent.fill(2, std::span{z}.subspan(20));
            double derivative = 0;
            for (std::size_t i = 0; i < 34; ++i) {
                derivative += problem.derivative(i) * static_cast<double>(z[i]);
            }
            return DirectionalLoss{problem.loss(), derivative};
        });
        CHECK(report.terms[0].coefficient == problem.derivative(step));
    }
}

TEST_CASE("A loss that is not finite ends the estimate, and derivatives are clipped") {
    Coupled problem{34, 20};
    const Parameters parameters = problem.parameters();
    const std::vector<double> base = problem.w;
    Optimizer optimizer{parameters, CoordinateWise{.direction = Coordinate{parameters}, .coordinates = 3, .clip = 0.5},
                        Sgd{.learning_rate = 0.0}, Settings{.restore = Snapshot{}}};
    for (std::size_t bad = 0; bad < 6; ++bad) {
        std::size_t call = 0;
        const StepReport report =
            optimizer.step([&] { return call++ == bad ? std::numeric_limits<double>::infinity() : problem.loss(); });
        CHECK(report.reason == Reason::non_finite_loss);
        CHECK(report.forward_passes == bad + 1);
        CHECK(problem.w == base);
    }
    const StepReport report = optimizer.step([&] { return 2 * problem.w[18] - 3 * problem.w[19] + 0.25 * problem.w[20]; });
    CHECK(report.terms[0].coefficient == 0.5);
    CHECK(report.terms[1].coefficient == -0.5);
    CHECK(std::abs(report.terms[2].coefficient - 0.25) < 1e-12);
    CHECK(report.clipped == 2);
}

TEST_CASE("Settings out of range are refused, and a direction made for other parameters") {
    Coupled problem{34, 20};
    const Parameters parameters = problem.parameters();
    const auto refused = [&](double epsilon, std::uint32_t coordinates, double clip) {
        const CoordinateWise estimator{.direction = Coordinate{parameters}, .epsilon = epsilon, .coordinates = coordinates, .clip = clip};
        return refusal([&] { Optimizer{parameters, estimator, Sgd{}}; });
    };
    CHECK(refused(1e-3, 34, 1) == "");
    CHECK(refused(0, 1, 1) == "zeroth: epsilon is 0; it must be positive and finite");
    CHECK(refused(1e-3, 0, 1) == "zeroth: coordinates is 0; it must be from 1 to the number of weights");
    CHECK(refused(1e-3, 35, 1) == "zeroth: coordinates is 35; it must be from 1 to the number of weights");
    CHECK(refused(1e-3, 1, 0) == "zeroth: clip is 0; it must be positive");
    Parameters part;
    part.add("second", std::span{problem.w}.subspan(20));
    const CoordinateWise of_all{.direction = Coordinate{parameters}};
    CHECK(refusal([&] { Optimizer{part, of_all, Sgd{}}; }).find("other blocks") != std::string::npos);
    CHECK(refusal([&] { Optimizer{part, CoordinateWise{.direction = Coordinate{part}}, Sgd{}}; }) == "");
}
