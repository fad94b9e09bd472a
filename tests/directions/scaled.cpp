// Scaled: another direction's numbers times a factor for each block, in perturbation, update and tangent alike.

#include "reference_of.hpp"

#include <zeroth/backends/simd.hpp>
#include <zeroth/backends/threads.hpp>
#include <zeroth/directions/low_rank.hpp>
#include <zeroth/directions/masked.hpp>
#include <zeroth/directions/scaled.hpp>
#include <zeroth/estimators/forward_gradient.hpp>
#include <zeroth/parameters/block_scales.hpp>
#include <zeroth/updates/adam.hpp>
#include <zeroth/zeroth.hpp>

#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

using namespace zeroth;

namespace {

using Registers = Simd<WidestArch, ScalarTypes<float>>;
const std::vector<double> some_scales{0.3, 7.0, 0.0, 1.0};

template <class T>
struct Model {
    std::vector<std::vector<T>> weights{std::vector<T>(40 * 33), std::vector<T>(12 * 20), std::vector<T>(50), std::vector<T>(37)};
    Parameters parameters{};

    Model() {
        parameters.add("a", std::span{weights[0]}, {40, 33});
        parameters.add("b", std::span{weights[1]}, {12, 20});
        parameters.add("c", std::span{weights[2]});
        parameters.add("d", std::span{weights[3]});
    }
};

template <class D>
D made() {
    return D{};
}
template <>
Masked<LowRank<>, Bernoulli> made() {
    return {LowRank<>{}, Bernoulli{.keep = 0.4}};
}

/// The numbers that a cursor puts into zeros.
template <class D, class B>
std::vector<std::vector<float>> displaced(const D& raw, const B& backend) {
    Model<float> model;
    Cursor<Scaled<D>, Snapshot, B> cursor{model.parameters, Scaled{raw, model.parameters, some_scales}, Snapshot{}, backend, 1.0, 1};
    cursor.stand_at(Term{Key{1, 2, 3}, 1.0});
    return std::vector<std::vector<float>>{model.weights}; // before the cursor goes home
}

} // namespace

static_assert(Direction<Scaled<Gaussian>> && has_scales_of<Scaled<Gaussian>> && has_scales_of<Sphere> && !has_scales_of<Gaussian>);

TEMPLATE_TEST_CASE("A scaled number is the raw one times its block's scale", "", Rademacher, Gaussian, (Masked<LowRank<>, Bernoulli>)) {
    const TestType raw = made<TestType>();
    const auto z = displaced(raw, Registers{});
    CHECK(displaced(raw, zeroth_test::ReferenceOf<float>{}) == z);
    CHECK(displaced(raw, Threads<Registers>{{}, 3, 1}) == z);
    const Model<float> model;
    const Scaled scaled{raw, model.parameters, some_scales};
    for (std::size_t b = 0; b < 4; ++b) {
        const BlockIdentity& block = model.parameters.blocks()[b].identity;
        CHECK(scaled.scale_of(block) == some_scales[b]);
        for (std::size_t i = 0; i < z[b].size(); ++i) {
            REQUIRE(z[b][i] == static_cast<float>(some_scales[b]) * raw(Key{1, 2, 3}, block, i));
            REQUIRE(z[b][i] == scaled(Key{1, 2, 3}, block, i));
        }
    }
}

TEST_CASE("The estimate is the gradient times the square of the scale") {
    Model<float> model;
    const auto slope = [](std::size_t b, std::size_t i) { return static_cast<double>((i * 31 + b) % 11) - 5; };
    const auto loss = [&] {
        double sum = 0;
        for (std::size_t b = 0; b < 4; ++b) {
            for (std::size_t i = 0; i < model.weights[b].size(); ++i) {
                sum += slope(b, i) * static_cast<double>(model.weights[b][i]);
            }
        }
        return sum;
    };
    constexpr std::uint32_t queries = 4000;
    Optimizer optimizer{model.parameters,
                        TwoSidedRge{.direction = Scaled{Rademacher{}, model.parameters, some_scales}, .epsilon = 0.5, .queries = queries},
                        Sgd{.learning_rate = 1}, Settings{.restore = Snapshot{}}, Registers{}};
    optimizer.step(loss);
    double norm = 0;
    for (std::size_t b = 0; b < 4; ++b) {
        for (std::size_t i = 0; i < model.weights[b].size(); ++i) {
            norm += std::pow(some_scales[b] * slope(b, i), 2);
        }
    }
    int beyond = 0;
    for (std::size_t b = 0; b < 4; ++b) {
        const double sigma = some_scales[b] * std::sqrt(norm / queries);
        for (std::size_t i = 0; i < model.weights[b].size(); ++i) {
            const double estimate = -static_cast<double>(model.weights[b][i]);
            beyond += std::abs(estimate - some_scales[b] * some_scales[b] * slope(b, i)) > 5 * sigma + 1e-6 ? 1 : 0;
        }
    }
    CHECK(beyond == 0);
    CHECK(model.weights[2] == std::vector<float>(50)); // scale 0
}

TEMPLATE_TEST_CASE("Two hundred scaled steps are those of the dense computation", "", Sgd, Adam) {
    constexpr double epsilon = 1e-2, eta = 0.01;
    Model<double> model;
    const auto at = [](const std::vector<std::vector<double>>& w) {
        double sum = 0;
        for (const std::vector<double>& block : w) {
            for (std::size_t i = 0; i < block.size(); ++i) {
                sum += (1 + static_cast<double>(i % 3)) * std::pow(block[i] - std::sin(static_cast<double>(i)), 2) / 3000;
            }
        }
        return sum;
    };
    const std::vector<double> scales{0.5, 2.0, 0.0, 1.0};
    const Scaled direction{LowRank<>{.refresh_every = 7}, model.parameters, scales};
    TestType rule{};
    rule.learning_rate = eta;
    rule.weight_decay = 0.1;
    Optimizer optimizer{model.parameters, TwoSidedRge{.direction = direction, .epsilon = epsilon}, rule, Settings{.seed = 9},
                        Simd<WidestArch, ScalarTypes<double>>{}};
    auto dense = model.weights;
    auto mean = dense, square = dense; // zeros
    const double before = at(dense);
    for (std::uint64_t step = 0; step < 200; ++step) {
        optimizer.step([&] { return at(model.weights); });
        auto above = dense, below = dense, z = dense;
        for (std::size_t b = 0; b < 4; ++b) {
            for (std::size_t i = 0; i < z[b].size(); ++i) {
                // To double's rounding, where random access rounds to float's.
                z[b][i] = scales[b] * static_cast<double>(direction.raw()(Key{9, step, 0}, model.parameters.blocks()[b].identity, i));
                above[b][i] += epsilon * z[b][i];
                below[b][i] -= epsilon * z[b][i];
            }
        }
        const double c = (at(above) - at(below)) / (2 * epsilon);
        for (std::size_t b = 0; b < 4; ++b) {
            for (std::size_t i = 0; i < z[b].size(); ++i) {
                const double w = dense[b][i], g = c * z[b][i];
                if constexpr (std::same_as<TestType, Adam>) {
                    const auto t = static_cast<double>(step + 1);
                    mean[b][i] = 0.9 * mean[b][i] + 0.1 * g;
                    square[b][i] = 0.999 * square[b][i] + 0.001 * g * g;
                    dense[b][i] -= eta * (mean[b][i] / (1 - std::pow(0.9, t)) / (std::sqrt(square[b][i] / (1 - std::pow(0.999, t))) + 1e-8));
                } else {
                    dense[b][i] -= eta * g;
                }
                dense[b][i] -= eta * 0.1 * w;
                REQUIRE(std::abs(dense[b][i] - model.weights[b][i]) < 1e-8);
            }
        }
    }
    CHECK(at(model.weights) < before);
}

TEST_CASE("Exact lays each block's grid for its own scale, and gives back the bits") {
    Model<float> model;
    for (auto& block : model.weights) {
        for (std::size_t i = 0; i < block.size(); ++i) {
            block[i] = std::sin(static_cast<float>(i)) * 0.01f;
        }
    }
    const std::vector<double> scales{1.0, 3e4, 0.0, 77.7};
    const auto given = model.weights;
    Optimizer optimizer{model.parameters, TwoSidedRge{.direction = Scaled{Gaussian{}, model.parameters, scales}, .epsilon = 1e-2},
                        Sgd{.learning_rate = 0}, Settings{.restore = Exact{}}, Registers{}};
    const auto before = model.weights;
    for (std::size_t b = 0; b < 4; ++b) {
        // 2^22 quanta hold twice the largest weight, and the largest displacement.
        const double reach = std::max(0.02, 1e-2 * static_cast<double>(Gaussian::largest) * scales[b]);
        CHECK(optimizer.cursor().quanta()[b] <= reach * 0x1p-21);
        for (std::size_t i = 0; i < before[b].size(); ++i) {
            REQUIRE(std::abs(static_cast<double>(before[b][i]) - static_cast<double>(given[b][i])) <= reach * 0x1p-22);
        }
    }
    double value = 0;
    for (int step = 0; step < 10; ++step) {
        const StepReport report = optimizer.step([&] { return value += 0.5; });
        REQUIRE(model.weights == before);
        REQUIRE(report.traversals == 3); // none to widen the grid
    }
}

TEST_CASE("A forward gradient's tangent is scaled as the update is") {
    Model<float> model;
    const Scaled direction{LowRank<>{}, model.parameters, some_scales};
    Optimizer optimizer{model.parameters, ForwardGradient{.direction = direction}, Sgd{.learning_rate = 0.125}, Settings{.seed = 4, .restore = Snapshot{}},
                        Registers{}};
    std::vector<std::vector<float>> z;
    optimizer.step([&](const Tangent& tangent) {
        for (std::size_t b = 0; b < 4; ++b) {
            tangent.fill(b, z.emplace_back(model.weights[b].size()));
        }
        return DirectionalLoss{1.0, 2.0};
    });
    for (std::size_t b = 0; b < 4; ++b) {
        for (std::size_t i = 0; i < z[b].size(); ++i) {
            REQUIRE(z[b][i] == direction(Key{4, 0, 0}, model.parameters.blocks()[b].identity, i));
            REQUIRE(std::abs(model.weights[b][i] + 0.25f * z[b][i]) <= 1e-6f * std::abs(z[b][i]));
        }
    }
}

TEST_CASE("A scale is its block's, whichever of them are trained, and blocks without one are refused") {
    Model<float> model;
    const Scaled direction{Rademacher{}, model.parameters, some_scales};
    Parameters part;
    part.add("d", std::span{model.weights[3]});
    part.add("b", std::span{model.weights[1]}, {12, 20});
    Optimizer optimizer{part, TwoSidedRge{.direction = direction, .epsilon = 1}, Sgd{}, Settings{.restore = Snapshot{}}, Registers{}};
    optimizer.step([&] {
        CHECK(std::abs(model.weights[3][5]) == 1.0f);
        CHECK(std::abs(model.weights[1][5]) == 7.0f);
        return 1.0;
    });
    Parameters other;
    other.add("b", std::span{model.weights[1]}); // of another shape
    CHECK_THROWS_AS((Optimizer{other, TwoSidedRge{.direction = direction}, Sgd{}, {}, Registers{}}), std::invalid_argument);
    const auto make = [&](const std::vector<double>& scales) { static_cast<void>(Scaled{Rademacher{}, model.parameters, scales}); };
    CHECK_NOTHROW(make({1, 1, 1, 1}));
    CHECK_THROWS_AS(make({1, 1, 1}), std::invalid_argument);
    CHECK_THROWS_AS(make({1, 1, 1, 1, 1}), std::invalid_argument);
    CHECK_THROWS_AS(make({1, -1, 1, 1}), std::invalid_argument);
    CHECK_THROWS_AS(make({1, 1, std::numeric_limits<double>::quiet_NaN(), 1}), std::invalid_argument);
    CHECK_THROWS_AS(make({1, 1, 1, std::numeric_limits<double>::infinity()}), std::invalid_argument);
    const Scaled wrong{LowRank<>{.refresh_every = 0}, part, std::vector<double>{1, 1}};
    CHECK_THROWS_AS((Optimizer{part, TwoSidedRge{.direction = wrong}, Sgd{}, {}, Registers{}}), std::invalid_argument);
}

TEST_CASE("Scales follow the blocks' root mean squares, their squares' mean over the weights is one") {
    std::vector<float> large(100, -4.0f), small(300, 0.25f), zero(50), none;
    std::vector<bfloat16> half(20, bfloat16{2.0f});
    Parameters parameters;
    parameters.add("large", std::span{large});
    parameters.add("small", std::span{small});
    parameters.add("zero", std::span{zero});
    parameters.add("none", std::span{none});
    parameters.add("half", std::span{half});
    const double all = std::sqrt((100 * 16 + 300 / 16.0 + 20 * 4) / 470);
    for (const double least : {0.0, 0.05, 0.1, 0.5}) {
        const Array<double> scales = scales_by_rms(parameters, least);
        REQUIRE(scales.size() == 5);
        const auto size = [&](double rms) { return rms < least * all ? least * all : rms; };
        CHECK(std::abs(scales[1] / scales[0] - size(0.25) / 4) < 1e-12);
        CHECK(std::abs(scales[2] / scales[0] - size(0) / 4) < 1e-12);
        CHECK(std::abs(scales[4] / scales[0] - 0.5) < 1e-12);
        CHECK(scales[3] == 1);
        const double mean = (100 * scales[0] * scales[0] + 300 * scales[1] * scales[1] + 50 * scales[2] * scales[2] + 20 * scales[4] * scales[4]) / 470;
        CHECK(std::abs(mean - 1) < 1e-12);
    }
    Parameters zeros;
    zeros.add("zero", std::span{zero});
    zeros.add("none", std::span{none});
    for (const double scale : scales_by_rms(zeros)) {
        CHECK(scale == 1);
    }
    CHECK_THROWS_AS(scales_by_rms(parameters, -1), std::invalid_argument);
    CHECK_THROWS_AS(scales_by_rms(parameters, std::numeric_limits<double>::infinity()), std::invalid_argument);
}
