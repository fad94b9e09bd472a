// Settings that work without a search: how they follow the weights and the loss, what they cost, and that they descend.

#include <zeroth/backends/simd.hpp>
#include <zeroth/backends/threads.hpp>
#include <zeroth/advice/recommended.hpp>

#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>

#include <cmath>
#include <cstring>
#include <limits>
#include <span>
#include <stdexcept>
#include <vector>

using namespace zeroth;

namespace {

using Fast = Simd<WidestArch, ScalarTypes<float>>;

/// sum_i h_i w_i^2 / 2, times a scale.
struct Bowl {
    std::vector<float> weights;
    std::vector<double> curvature;
    double scale = 1;

    explicit Bowl(std::size_t n) : weights(n), curvature(n) {
        for (std::size_t i = 0; i < n; ++i) {
            weights[i] = 0.25f * (static_cast<float>(i % 11) - 4.5f) / 3;
            curvature[i] = i % 4 == 0 ? 3 : 0.5;
        }
    }
    [[nodiscard]] double loss() const {
        double sum = 0;
        for (std::size_t i = 0; i < weights.size(); ++i) {
            const auto w = static_cast<double>(weights[i]);
            sum += curvature[i] * w * w / 2;
        }
        return scale * sum;
    }
    [[nodiscard]] double trace() const {
        double sum = 0;
        for (const double h : curvature) {
            sum += h;
        }
        return scale * sum;
    }
    [[nodiscard]] Parameters parameters() {
        Parameters result;
        result.add("first", std::span{weights}.first(weights.size() / 3));
        result.add("second", std::span{weights}.subspan(weights.size() / 3));
        return result;
    }
};

/// A perceptron 8-24-1 of tanh that is to become another one, of 64 examples.
struct Perceptron {
    static constexpr std::size_t inputs = 8, hidden = 24, examples = 64;

    std::vector<float> in = std::vector<float>(inputs * hidden), out = std::vector<float>(hidden);
    std::vector<double> wanted = std::vector<double>(examples);

    Perceptron() {
        fill(1);
        for (std::size_t e = 0; e < examples; ++e) {
            wanted[e] = answer(e);
        }
        fill(2);
    }
    void fill(int seed) {
        for (std::size_t i = 0; i < in.size(); ++i) {
            in[i] = 0.5f * std::sin(static_cast<float>(i * 3 + 1) * static_cast<float>(seed));
        }
        for (std::size_t i = 0; i < out.size(); ++i) {
            out[i] = 0.3f * std::cos(static_cast<float>(i * 5 + 2) * static_cast<float>(seed));
        }
    }
    [[nodiscard]] double answer(std::size_t example) const {
        double sum = 0;
        for (std::size_t h = 0; h < hidden; ++h) {
            double into = 0;
            for (std::size_t i = 0; i < inputs; ++i) {
                into += static_cast<double>(in[h * inputs + i]) * std::sin(static_cast<double>(example * inputs + i) * 1.7);
            }
            sum += static_cast<double>(out[h]) * std::tanh(into);
        }
        return sum;
    }
    [[nodiscard]] double loss() const {
        double sum = 0;
        for (std::size_t e = 0; e < examples; ++e) {
            const double error = answer(e) - wanted[e];
            sum += error * error / examples;
        }
        return sum;
    }
    [[nodiscard]] Parameters parameters() {
        Parameters result;
        result.add("in", std::span{in}, {.rows = hidden, .columns = inputs});
        result.add("out", std::span{out}, {.rows = 1, .columns = hidden});
        return result;
    }
};

constexpr TuningScheme schemes[] = {TuningScheme::full, TuningScheme::lora, TuningScheme::prefix, TuningScheme::prompt, TuningScheme::head};

} // namespace

TEST_CASE("From the weights alone, rate and epsilon are as large as they, and the rate falls with the length of a run") {
    for (const TuningScheme scheme : schemes) {
        Bowl bowl{900};
        const Recommendation one = recommended(bowl.parameters(), scheme, 100);
        CHECK(one.forward_passes == 0);
        CHECK(one.estimator.queries == 8);
        CHECK_NOTHROW(one.estimator.validate());
        CHECK(one.learning_rate > 0);
        CHECK(one.rule.rate(0) == one.learning_rate);
        CHECK(std::abs(one.rule.rate(50) - one.learning_rate / 2) < 1e-12);
        CHECK(one.rule.rate(100) == 0);
        const Recommendation longer = recommended(bowl.parameters(), scheme, 400);
        CHECK(std::abs(longer.learning_rate / one.learning_rate - 0.5) < 1e-12);
        for (float& w : bowl.weights) {
            w *= 8;
        }
        const Recommendation larger = recommended(bowl.parameters(), scheme, 100, Fast{});
        CHECK(std::abs(larger.learning_rate / one.learning_rate - 8) < 1e-12);
        CHECK(std::abs(larger.estimator.epsilon / one.estimator.epsilon - 8) < 1e-12);
    }
}

TEST_CASE("Every backend and number of threads recommends the same bits") {
    std::vector<float> weights(400000);
    for (std::size_t i = 0; i < weights.size(); ++i) {
        weights[i] = std::sin(static_cast<float>(i)) * std::exp(0.01f * static_cast<float>(i % 1000));
    }
    Parameters parameters;
    parameters.add("first", std::span{weights}.first(123457));
    parameters.add("second", std::span{weights}.subspan(123457));
    double sum = 0;
    for (const float w : weights) {
        sum += static_cast<double>(w) * static_cast<double>(w);
    }
    const double rms = std::sqrt(sum / static_cast<double>(weights.size()));
    const Recommendation expected = recommended(parameters, TuningScheme::full, 100);
    CHECK(std::abs(expected.estimator.epsilon / (rms / 200) - 1) < 1e-10);
    const auto check = [&](const auto& backend) {
        const Recommendation same = recommended(parameters, TuningScheme::full, 100, backend);
        CHECK(same.estimator.epsilon == expected.estimator.epsilon);
        CHECK(same.learning_rate == expected.learning_rate);
    };
    check(Fast{});
    for (const int threads : {1, 2, 3, 5}) {
        check(Threads<Fast>{{}, threads, 1});
    }
}

TEST_CASE("16-bit weights are probed by two of their spacings at least") {
    std::vector<bfloat16> brain(100, bfloat16{0.5f});
    std::vector<float> single(100, 0.5f);
    Parameters parameters;
    parameters.add("single", std::span{single});
    CHECK(std::abs(recommended(parameters, TuningScheme::full, 10).estimator.epsilon - 0.0025) < 1e-9);
    parameters.add("brain", std::span{brain});
    CHECK(recommended(parameters, TuningScheme::full, 10).estimator.epsilon >= 0.5 * 0x1p-7);
}

TEST_CASE("What has no scale and no length is refused") {
    std::vector<float> zeros(10, 0.0f), bad(10, std::numeric_limits<float>::infinity());
    Parameters none, of_zeros, of_bad;
    of_zeros.add("zeros", std::span{zeros});
    of_bad.add("bad", std::span{bad});
    CHECK_THROWS_AS(recommended(none, TuningScheme::full, 10), std::invalid_argument);
    CHECK_THROWS_AS(recommended(of_zeros, TuningScheme::full, 10), std::invalid_argument);
    CHECK_THROWS_AS(recommended(of_bad, TuningScheme::full, 10), std::invalid_argument);
    Bowl bowl{10};
    CHECK_THROWS_AS(recommended(bowl.parameters(), TuningScheme::full, 0), std::invalid_argument);
}

TEST_CASE("From the loss, the weights wander as far as costs its share, whatever the loss's unit") {
    Bowl bowl{2400};
    // Along signs a diagonal Hessian costs its trace, whichever they are.
    const double radius = std::sqrt(2 * 0.1 * bowl.loss() / bowl.trace());
    const double expected = 2 * radius * std::sqrt(8.0 / 250);
    for (const double unit : {1.0, 1024.0}) {
        bowl.scale = unit;
        const std::vector<float> before = bowl.weights;
        int calls = 0;
        const Recommendation result = recommended(
            bowl.parameters(), TuningScheme::prefix, 250,
            [&] {
                ++calls;
                return bowl.loss();
            },
            Settings{.seed = 3, .restore = Snapshot{}}, Fast{});
        INFO("rate " << result.learning_rate << ", expected " << expected);
        CHECK(std::abs(result.learning_rate / expected - 1) < 1e-4);
        CHECK(result.rule.rate(125) == result.learning_rate / 2);
        CHECK(result.estimator.epsilon == recommended(bowl.parameters(), TuningScheme::full, 250, Fast{}).estimator.epsilon);
        CHECK(bowl.weights == before);
        CHECK(result.forward_passes == static_cast<std::uint64_t>(calls));
        CHECK(calls == 41); // radii of 1, 3, 9, 27 and 81 epsilon
    }
}

TEMPLATE_TEST_CASE("16-bit weights come back bit for bit, whatever the restore policy", "", bfloat16, float16) {
    std::vector<TestType> brain(600);
    std::vector<float> single(100, 0.125f);
    for (std::size_t i = 0; i < brain.size(); ++i) {
        brain[i] = TestType{0.25f * std::sin(static_cast<float>(i))};
    }
    Parameters parameters;
    parameters.add("single", std::span{single});
    parameters.add("brain", std::span{brain});
    const auto loss = [&] {
        double sum = 1;
        for (const TestType w : brain) {
            sum += static_cast<double>(static_cast<float>(w)) * static_cast<double>(static_cast<float>(w));
        }
        return sum;
    };
    const std::vector<TestType> before = brain;
    const auto kept = [&] { return std::memcmp(before.data(), brain.data(), sizeof(TestType) * brain.size()) == 0; };
    const Recommendation with = recommended(parameters, TuningScheme::full, 100, loss);
    CHECK(with.forward_passes > 9);
    CHECK(kept());
    static_cast<void>(measure_prices(parameters, 1, loss));
    CHECK(kept());
    const Recommendation same = recommended(parameters, TuningScheme::full, 100, loss, Settings{.restore = Snapshot{}});
    CHECK(same.learning_rate == with.learning_rate);
}

TEST_CASE("Without curvature the rate is bounded by the weights, and a loss that is not finite says nothing") {
    Bowl bowl{600};
    const double rms = WeightScale{bowl.parameters().blocks(), Reference{}}.of_all;
    const auto slope = [&] {
        double sum = 0;
        for (const float w : bowl.weights) {
            sum += static_cast<double>(w);
        }
        return -sum;
    };
    const double bound = 2 * rms * std::sqrt(8.0 / 100);
    const Recommendation flat = recommended(bowl.parameters(), TuningScheme::full, 100, slope, Settings{.restore = Snapshot{}});
    CHECK(std::abs(flat.learning_rate / bound - 1) < 1e-12);
    CHECK(flat.forward_passes == 49);

    const Recommendation alone = recommended(bowl.parameters(), TuningScheme::full, 100);
    const Recommendation blind = recommended(bowl.parameters(), TuningScheme::full, 100, [] { return std::nan(""); });
    CHECK(blind.learning_rate == alone.learning_rate);
    CHECK(blind.forward_passes == 1);

    // A loss that overflows far away: nearer ones count.
    const std::vector<float> home = bowl.weights;
    const Recommendation cliff = recommended(
        bowl.parameters(), TuningScheme::full, 100,
        [&] {
            const bool far = std::abs(static_cast<double>(bowl.weights[0]) - static_cast<double>(home[0])) > 0.02 * rms;
            return far ? std::numeric_limits<double>::infinity() : bowl.loss();
        },
        Settings{.restore = Snapshot{}});
    CHECK(std::abs(cliff.learning_rate - 0.015 * bound) < 1e-6 * bound); // three epsilon
    CHECK(bowl.weights == home);

    int calls = 0;
    const auto throwing = [&]() -> double {
        if (++calls == 5) {
            throw std::runtime_error{"no loss"};
        }
        return bowl.loss();
    };
    CHECK_THROWS_AS(recommended(bowl.parameters(), TuningScheme::full, 100, throwing, Settings{.restore = Snapshot{}}), std::runtime_error);
    CHECK(bowl.weights == home);
}

TEST_CASE("It descends without a search") {
    SECTION("a quadratic") {
        Bowl bowl{300};
        const double before = bowl.loss();
        const Recommendation with = recommended(bowl.parameters(), TuningScheme::full, 300, [&] { return bowl.loss(); });
        Optimizer optimizer{bowl.parameters(), with.estimator, with.rule, Settings{.seed = 2}, Fast{}};
        for (int step = 0; step < 300; ++step) {
            REQUIRE(optimizer.step([&] { return bowl.loss(); }).reason == Reason::updated);
        }
        INFO("from " << before << " to " << bowl.loss());
        CHECK(bowl.loss() < 0.25 * before);
    }
    SECTION("a perceptron") {
        Perceptron perceptron;
        const double before = perceptron.loss();
        const Recommendation with = recommended(perceptron.parameters(), TuningScheme::full, 300, [&] { return perceptron.loss(); });
        Optimizer optimizer{perceptron.parameters(), with.estimator, with.rule, Settings{.seed = 2}, Fast{}};
        for (int step = 0; step < 300; ++step) {
            REQUIRE(optimizer.step([&] { return perceptron.loss(); }).reason == Reason::updated);
        }
        INFO("from " << before << " to " << perceptron.loss() << " with " << with.learning_rate);
        CHECK(perceptron.loss() < 0.2 * before);
    }
    SECTION("a perceptron, by its weights alone") {
        Perceptron perceptron;
        const double before = perceptron.loss();
        const Recommendation with = recommended(perceptron.parameters(), TuningScheme::full, 300);
        Optimizer optimizer{perceptron.parameters(), with.estimator, with.rule, Settings{.seed = 2}, Fast{}};
        for (int step = 0; step < 300; ++step) {
            REQUIRE(optimizer.step([&] { return perceptron.loss(); }).reason == Reason::updated);
        }
        INFO("from " << before << " to " << perceptron.loss() << " with " << with.learning_rate);
        CHECK(perceptron.loss() < 0.8 * before);
    }
}

TEST_CASE("The batch is the smallest whose traversals take no more than their share") {
    CHECK(recommended_batch({.forward_per_example = 1e-3, .traversal = 1e-2}) == 30);
    CHECK(recommended_batch({.forward_per_example = 1e-3, .traversal = 1e-2}, 0.5) == 10);
    CHECK(recommended_batch({.forward_per_example = 1e-3, .traversal = 1e-6}) == 1);
    CHECK(recommended_batch({.forward_per_example = 1e-3, .traversal = 0}) == 1);
    for (const double traversal : {1e-4, 2.7e-3, 0.5}) {
        for (const double share : {0.1, 0.25, 0.7}) {
            const Prices prices{.forward_per_example = 3e-4, .traversal = traversal};
            const auto taken = [&](double batch) { return traversal / (traversal + batch * prices.forward_per_example); };
            const auto batch = static_cast<double>(recommended_batch(prices, share));
            CHECK(taken(batch) <= share * (1 + 1e-12));
            CHECK((batch == 1 || taken(batch - 1) > share * (1 - 1e-12)));
        }
    }
    CHECK_THROWS_AS(recommended_batch({.forward_per_example = 0, .traversal = 1}), std::invalid_argument);
    CHECK_THROWS_AS(recommended_batch({.forward_per_example = 1, .traversal = -1}), std::invalid_argument);
    CHECK_THROWS_AS(recommended_batch({.forward_per_example = 1, .traversal = 1}, 1), std::invalid_argument);
    CHECK_THROWS_AS(recommended_batch({.forward_per_example = 1e-300, .traversal = 1}), std::invalid_argument);
}

TEST_CASE("Prices are measured, and the weights stay what they were") {
    Bowl bowl{50000};
    const std::vector<float> before = bowl.weights;
    int calls = 0;
    const Prices prices = measure_prices(
        bowl.parameters(), 10,
        [&] {
            ++calls;
            return bowl.loss();
        },
        Settings{.restore = Snapshot{}}, Fast{});
    CHECK(calls == 4);
    CHECK(bowl.weights == before);
    CHECK(prices.forward_per_example > 0);
    CHECK(prices.traversal > 0);
    CHECK(prices.traversal < 1);
    CHECK(recommended_batch(prices) >= 1);
    CHECK_THROWS_AS(measure_prices(bowl.parameters(), 0, [&] { return bowl.loss(); }), std::invalid_argument);
}
