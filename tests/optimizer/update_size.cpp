// The size of an update relative to the weights, as reports say it, against what the weights did; and what rounding takes away.

#include "cursor/counting.hpp"
#include "reference_of.hpp"

#include <zeroth/backends/simd.hpp>
#include <zeroth/backends/threads.hpp>
#include <zeroth/block_optimizer.hpp>
#include <zeroth/directions/scaled.hpp>
#include <zeroth/estimators/coordinate_wise.hpp>
#include <zeroth/first_order/first_order_optimizer.hpp>
#include <zeroth/zeroth.hpp>

#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>

#include <cmath>
#include <limits>
#include <span>
#include <vector>

using namespace zeroth;

namespace {

/// A linear loss over two tensors of different scale.
struct Slope {
    std::vector<float> first, second;

    explicit Slope(std::size_t n) : first(n), second(n / 2) {
        for (std::size_t i = 0; i < n; ++i) {
            first[i] = 0.03f * static_cast<float>(static_cast<int>(i % 17) - 8);
        }
        for (std::size_t i = 0; i < n / 2; ++i) {
            second[i] = 1 + 0.1f * static_cast<float>(i % 5);
        }
    }
    [[nodiscard]] std::vector<double> all() const {
        std::vector<double> result(first.begin(), first.end());
        result.insert(result.end(), second.begin(), second.end());
        return result;
    }
    [[nodiscard]] double loss() const {
        double sum = 0;
        for (std::size_t i = 0; i < first.size(); ++i) {
            sum += std::sin(static_cast<double>(i)) * static_cast<double>(first[i]);
        }
        for (std::size_t i = 0; i < second.size(); ++i) {
            sum += 0.3 * std::cos(static_cast<double>(i)) * static_cast<double>(second[i]);
        }
        return sum;
    }
    [[nodiscard]] Parameters parameters() {
        Parameters result;
        result.add("first", std::span{first});
        result.add("second", std::span{second});
        return result;
    }
};

double rms(const std::vector<double>& x) {
    double sum = 0;
    for (const double value : x) {
        sum += value * value;
    }
    return x.empty() ? 0 : std::sqrt(sum / static_cast<double>(x.size()));
}

using Floats = zeroth_test::ReferenceOf<float>;

constexpr std::size_t n = 20000;

/// The reported size and the weights' own, for each of `steps` steps.
template <class E, class Rule, class Check>
void compare(const E& estimator, const Rule& rule, int steps, const Check& check) {
    Slope slope{n};
    const double scale = rms(slope.all());
    Optimizer optimizer{slope.parameters(), estimator, rule, Settings{.seed = 4, .restore = Exact{}}, Floats{}};
    std::vector<double> before = slope.all();
    for (int step = 0; step < steps; ++step) {
        const StepReport report = optimizer.step([&] { return slope.loss(); });
        REQUIRE(report.reason == Reason::updated);
        CHECK(report.rounded_away == nullptr);
        std::vector<double> moved = slope.all();
        std::vector<double> update(moved.size());
        for (std::size_t i = 0; i < moved.size(); ++i) {
            update[i] = moved[i] - before[i];
        }
        before = moved;
        check(step, report.relative_update, rms(update) / scale);
    }
}

constexpr auto within(double share) {
    return [share](int step, double reported, double measured) {
        INFO("step " << step << ", reported " << reported << ", measured " << measured);
        CHECK(std::abs(reported - measured) < share * measured);
    };
}

} // namespace

TEMPLATE_TEST_CASE("The reported size of an update is what the weights move by", "", Gaussian, Rademacher) {
    // A sum of q directions over 30,000 weights has its mean square to about sqrt(2 / 30000).
    compare(TwoSidedRge<TestType>{.epsilon = 1e-3, .queries = 3}, Sgd{.learning_rate = 1e-3}, 3, within(0.03));
    compare(TwoSidedRge<TestType>{.epsilon = 1e-3}, ScalarSignSgd{.learning_rate = 1e-3}, 2, within(0.03));
    compare(TwoSidedRge<TestType>{.epsilon = 1e-3, .queries = 2}, Momentum{.learning_rate = 1e-3}, 6, within(0.03));
    compare(TwoSidedRge<TestType>{.epsilon = 1e-3, .queries = 2}, WindowedMomentum{.learning_rate = 1e-3, .window = 3}, 6, within(0.03));
    compare(TwoSidedRge<TestType>{.epsilon = 1e-3}, SignSgd{.learning_rate = 1e-3}, 2, within(0.001));
}

TEST_CASE("Adam's size is about right, and where its directions are signs of one query exact at first") {
    const auto about = [](int step, double reported, double measured) { within(step == 0 ? 0.001 : 0.1)(step, reported, measured); };
    compare(TwoSidedRge<Rademacher>{.epsilon = 1e-3}, Adam{.learning_rate = 1e-3}, 12, about);
    compare(TwoSidedRge<Rademacher>{.epsilon = 1e-3}, WindowedAdam{.learning_rate = 1e-3, .window = 4}, 12, about);
    // v is far from its mean while few of a Gaussian's squares are in it.
    compare(TwoSidedRge<Gaussian>{.epsilon = 1e-3, .queries = 4}, Adam{.learning_rate = 1e-3}, 12, within(0.7));
}

TEST_CASE("A masked update's size is of the weights that move") {
    Slope slope{n};
    const double scale = rms(slope.all());
    const std::vector<double> before = slope.all();
    Optimizer optimizer{slope.parameters(), TwoSidedRge{.direction = Masked{Rademacher{}, Bernoulli{.keep = 0.1}}}, Sgd{.learning_rate = 1e-3},
                        Settings{.restore = Exact{}}, Floats{}};
    const StepReport report = optimizer.step([&] { return slope.loss(); });
    std::vector<double> moves;
    for (std::size_t i = 0; i < before.size(); ++i) {
        const double move = slope.all()[i] - before[i];
        if (std::abs(move) > 1e-6) {
            moves.push_back(move);
        }
        if (moves.size() == 100) {
            break;
        }
    }
    REQUIRE(moves.size() == 100);
    CHECK(std::abs(report.relative_update - rms(moves) / scale) < 1e-3 * report.relative_update);
}

TEST_CASE("With a scale for each block the size is the root mean square of what moves") {
    Slope slope{n};
    const Parameters parameters = slope.parameters();
    const std::vector<double> scales{0.2, 3.0};
    const Scaled direction{Rademacher{}, parameters, scales};
    compare(TwoSidedRge{.direction = direction, .epsilon = 1e-3, .queries = 3}, Sgd{.learning_rate = 1e-3}, 2, within(0.03));
    compare(TwoSidedRge{.direction = direction, .epsilon = 1e-3}, Momentum{.learning_rate = 1e-3}, 4, within(0.03));
    compare(TwoSidedRge{.direction = direction, .epsilon = 1e-3}, SignSgd{.learning_rate = 1e-3}, 2, within(0.001));

    const std::vector<double> one_left_out{0.0, 3.0};
    const std::vector<float> before = slope.second;
    const double scale = rms(slope.all());
    Optimizer optimizer{parameters, TwoSidedRge{.direction = Scaled{Rademacher{}, parameters, one_left_out}}, Sgd{.learning_rate = 1e-3},
                        Settings{.restore = Exact{}}, Floats{}};
    const StepReport report = optimizer.step([&] { return slope.loss(); });
    std::vector<double> moves;
    for (std::size_t i = 0; i < before.size(); ++i) {
        moves.push_back(static_cast<double>(slope.second[i]) - static_cast<double>(before[i]));
    }
    within(0.03)(0, report.relative_update, rms(moves) / scale);
    const std::vector<double> none{0.0, 0.0};
    Optimizer still{parameters, TwoSidedRge{.direction = Scaled{Rademacher{}, parameters, none}}, Sgd{.learning_rate = 1e-3}, {}, Floats{}};
    int calls = 0;
    CHECK(still.step([&] { return static_cast<double>(calls++); }).relative_update == 0);
}

TEST_CASE("Adam's size with scales") {
    Slope slope{n};
    const Scaled direction{Rademacher{}, slope.parameters(), std::vector<double>{0.2, 3.0}};
    const auto about = [](int step, double reported, double measured) { within(step == 0 ? 0.001 : 0.1)(step, reported, measured); };
    compare(TwoSidedRge{.direction = direction, .epsilon = 1e-3}, Adam{.learning_rate = 1e-3}, 6, about);
    compare(TwoSidedRge{.direction = direction, .epsilon = 1e-3}, WindowedAdam{.learning_rate = 1e-3, .window = 3}, 6, about);
    // So large a delta that the size goes with the scale.
    compare(TwoSidedRge{.direction = direction, .epsilon = 1e-3}, Adam{.learning_rate = 1.0, .delta = 1e4}, 3, about);
}

TEST_CASE("Where the size of an update is not known the report says so, and 0 where there is none") {
    Slope slope{100};
    Optimizer none{slope.parameters(), TwoSidedRge{}, Sgd{.learning_rate = 0.0}};
    CHECK(none.step([&] { return slope.loss(); }).relative_update == 0);
    Optimizer refused{slope.parameters(), TwoSidedRge{}, Sgd{.learning_rate = 1e-3}};
    CHECK(refused.step([] { return std::numeric_limits<double>::quiet_NaN(); }).relative_update == 0);
    const Parameters parameters = slope.parameters();
    Optimizer coordinates{parameters, CoordinateWise{.direction = Coordinate{parameters}}, Sgd{.learning_rate = 1e-3}, {}, Floats{}};
    CHECK(std::isnan(coordinates.step([&] { return slope.loss(); }).relative_update));
    FirstOrderOptimizer first{slope.parameters(), Sgd{.learning_rate = 1e-3}};
    CHECK(std::isnan(first.step([&](std::span<const GradientBlock>) { return slope.loss(); }).relative_update));
    // New tensors that are all 0 have no scale.
    std::vector<float> zeros(50, 0.0f);
    Parameters added;
    added.add("zeros", std::span{zeros});
    Optimizer from_zero{added, OneSidedRge{.direction = Rademacher{}}, Sgd{.learning_rate = 1.0}};
    int calls = 0;
    const StepReport report = from_zero.step([&] { return static_cast<double>(calls++); });
    CHECK(std::isinf(report.relative_update));
    CHECK(report.rounded_away == nullptr);
}

TEST_CASE("An update that rounding takes away is reported, with the block, unless rounding is stochastic") {
    std::vector<bfloat16> brain(500, bfloat16{0.02f}), small(500, bfloat16{1e-5f});
    std::vector<float16> half(500, float16{0.02f});
    std::vector<float> single(500, 0.02f);
    std::vector<double> twice(500, 0.02);
    int calls = 0;
    // Losses that differ by 2 eps: the coefficient is 1, the update eta.
    const auto loss = [&] { return calls++ % 2 == 0 ? 1e-3 : -1e-3; };
    const auto rounded = [&](const Parameters& parameters, double rate, auto restore) {
        Optimizer optimizer{parameters, TwoSidedRge{.direction = Rademacher{}, .epsilon = 1e-3}, Sgd{.learning_rate = rate},
                            Settings{.restore = restore}};
        const StepReport report = optimizer.step(loss);
        REQUIRE(report.reason == Reason::updated);
        return report.rounded_away != nullptr ? report.rounded_away->name : std::string{};
    };
    Parameters all;
    all.add("single", std::span{single});
    all.add("small", std::span{small});
    all.add("brain", std::span{brain});
    all.add("half", std::span{half});
    // 16-bit weights are rounded stochastically: what counts is float, half a unit of which is 6e-10 at 0.02.
    CHECK(rounded(all, 1e-6, Snapshot{}).empty());
    CHECK(rounded(all, 1e-10, Snapshot{}) == "brain"); // at 0.02002 the largest of three
    CHECK(rounded(all, 0, Snapshot{}).empty());
    Parameters of_brains;
    of_brains.add("small", std::span{small});
    of_brains.add("brain", std::span{brain});
    CHECK(rounded(of_brains, 1e-6, InPlace{}).empty());
    CHECK(rounded(of_brains, 1e-10, InPlace{}) == "brain");

    // What is said is what happens: the weights stay as they are.
    brain.assign(500, bfloat16{0.02f});
    CHECK(rounded(of_brains, 1e-10, Snapshot{}) == "brain");
    for (const bfloat16 w : brain) {
        REQUIRE(w.bits == bfloat16{0.02f}.bits);
    }

    // A block's scale is that of its updates: 3e-9 in the first, 3e-13 in the second, none in the third.
    std::vector<float> far(500, 0.02f), near(500, 0.02f), still(500, 20.0f);
    Parameters scaled;
    scaled.add("far", std::span{far});
    scaled.add("near", std::span{near});
    scaled.add("still", std::span{still});
    const auto with_scales = [&](const std::vector<double>& scales) {
        Optimizer optimizer{scaled, TwoSidedRge{.direction = Scaled{Rademacher{}, scaled, scales}, .epsilon = 1e-3},
                            Sgd{.learning_rate = 3e-9}, Settings{.restore = Snapshot{}}};
        const StepReport report = optimizer.step(loss);
        return report.rounded_away != nullptr ? report.rounded_away->name : std::string{};
    };
    CHECK(with_scales({1, 1e-4, 0}) == "near");
    CHECK(with_scales({1, 1, 0}).empty());
    CHECK(with_scales({1, 1, 1}) == "still");

    Parameters of_singles;
    of_singles.add("single", std::span{single});
    CHECK(rounded(of_singles, 1e-6, InPlace{}).empty());
    CHECK(rounded(of_singles, 1e-10, InPlace{}) == "single");
    CHECK(rounded(of_singles, 1e-10, Exact{}).empty());
    Parameters of_doubles;
    of_doubles.add("twice", std::span{twice});
    CHECK(rounded(of_doubles, 1e-10, InPlace{}).empty());
    CHECK(rounded(of_doubles, 1e-19, InPlace{}) == "twice");
}

TEST_CASE("The weights' scale is measured by two reading traversals, and again after the weights were changed") {
    Slope slope{1000};
    zeroth_test::Traversals count;
    Optimizer optimizer{slope.parameters(), TwoSidedRge{.direction = Rademacher{}}, SignSgd{.learning_rate = 1e-3}, {},
                        zeroth_test::Counting{&count}};
    const double scale = rms(slope.all());
    const StepReport report = optimizer.step([&] { return slope.loss(); });
    CHECK(report.traversals == 3);
    CHECK(count.writing == 3);
    CHECK(count.reading == 2);
    CHECK(optimizer.traversals() == 5);
    CHECK(std::abs(report.relative_update - 1e-3 / scale) < 1e-9);
    for (std::vector<float>* block : {&slope.first, &slope.second}) {
        for (float& w : *block) {
            w *= 4;
        }
    }
    CHECK(std::abs(optimizer.step([&] { return slope.loss(); }).relative_update - 1e-3 / scale) < 1e-9);
    CHECK(count.reading == 2);
    optimizer.adopt_weights();
    const double now = optimizer.step([&] { return slope.loss(); }).relative_update;
    CHECK(std::abs(now / (1e-3 / rms(slope.all())) - 1) < 1e-4);
    CHECK(count.reading == 4);
    CHECK(optimizer.traversals() == count.writing + count.reading);
}

TEST_CASE("The weights' scale is not measured where the size of an update is not known") {
    Slope slope{100};
    const Parameters parameters = slope.parameters();
    zeroth_test::Traversals count;
    Optimizer optimizer{parameters, CoordinateWise{.direction = Coordinate{parameters}}, Sgd{.learning_rate = 1e-3}, {},
                        zeroth_test::Counting{&count}};
    CHECK(std::isnan(optimizer.step([&] { return slope.loss(); }).relative_update));
    CHECK(count.reading == 0);
    CHECK(optimizer.traversals() == count.writing);
}

TEST_CASE("Scales of blocks are the same from every backend, whatever the size and the type") {
    for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{15}, std::size_t{17}, std::size_t{3000}}) {
        std::vector<float> a(size);
        std::vector<double> b(size + 2);
        std::vector<bfloat16> c(size);
        for (std::size_t i = 0; i < size; ++i) {
            a[i] = 1e-25f * static_cast<float>(i + 1); // whose squares are under float's range
            b[i] = -1e30 * static_cast<double>(i);
            c[i] = bfloat16{static_cast<float>(i % 9) - 4};
        }
        Parameters parameters;
        parameters.add("a", std::span{a});
        parameters.add("b", std::span{b});
        parameters.add("c", std::span{c});
        const WeightScale expected{parameters.blocks(), Reference{}};
        CHECK(std::abs(expected.of_block[0] - rms({a.begin(), a.end()})) <= 1e-12 * expected.of_block[0]);
        for (const WeightScale& scale : {WeightScale{parameters.blocks(), Simd<>{}}, WeightScale{parameters.blocks(), Threads<Simd<>>{{}, 3, 1}}}) {
            for (std::size_t block = 0; block < 3; ++block) {
                CHECK(scale.of_block[block] == expected.of_block[block]);
            }
            CHECK(scale.of_all == expected.of_all);
        }
    }
}

TEST_CASE("Block by block, the largest of the parts' updates is reported") {
    Slope slope{1000};
    Partition partition;
    for (const auto& [name, block] : {std::pair{"first", &slope.first}, std::pair{"second", &slope.second}}) {
        Parameters part;
        part.add(name, std::span{*block});
        partition.parts.push_back(part);
    }
    BlockOptimizer optimizer{partition, TwoSidedRge{.direction = Rademacher{}}, SignSgd{.learning_rate = 1e-3}};
    const double first = 1e-3 / rms({slope.first.begin(), slope.first.end()});
    CHECK(std::abs(optimizer.step([&] { return slope.loss(); }).relative_update - first) < 1e-9);
}
