// Blocks with factors of the learning rate and of the weight decay: every rule against a plain dense computation, and against a run of which
// rate and decay are the products.

#include "updates/dense.hpp"

#include <zeroth/estimators/hizoo_rge.hpp>
#include <zeroth/updates/hizoo_sgd.hpp>
#include <zeroth/updates/normalized.hpp>

#include <catch2/catch_template_test_macros.hpp>

#include <cmath>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

using namespace zeroth_test;

namespace {

struct Factors {
    double rate, weight_decay;
};

Gradients two_sided(const Problem& at, std::uint64_t step) {
    Gradients result;
    for (std::uint32_t q = 0; q < 2; ++q) {
        result.z.push_back(materialised(at, Gaussian{}, Key{seed, step, q}));
        const double above = at.loss(moved(at.weights, epsilon, result.z[q]));
        const double below = at.loss(moved(at.weights, -epsilon, result.z[q]));
        result.c.push_back((above - below) / (2 * epsilon) / 2);
    }
    return result;
}

/// The plain computation's step, each block by its factors.
template <class Rule>
void step_densely(Dense<Rule>& plain, Problem& at, const Gradients& estimate, double decay, const Factors& a, const Factors& b) {
    const Vector before = at.weights;
    plain.step(at, estimate);
    if (at.weights == before) { // kept, or no gradient: then there is no decay either
        return;
    }
    for (std::size_t i = 0; i < before.size(); ++i) {
        const Factors& of = i < at.first ? a : b;
        at.weights[i] = before[i] + of.rate * (at.weights[i] - before[i]) - eta * of.rate * decay * of.weight_decay * before[i];
    }
}

/// The weights of a run whose losses are given: some steps over one block of doubles.
template <class Restore, class Rule, class E = TwoSidedRge<>>
Vector run_block(const Rule& rule, const BlockOptions& options, Settling settling, const E& estimator = {.epsilon = epsilon}) {
    Vector w = problem(0).weights;
    Parameters parameters;
    parameters.add("w", std::span{w}, {}, options);
    {
        Optimizer optimizer{parameters, estimator, rule, Settings<Restore>{.seed = seed, .restore = {}, .settling = settling}, Doubles{}};
        int call = 0;
        for (int step = 0; step < 12; ++step) {
            optimizer.step([&] { return std::sin(3.0 * ++call); });
        }
    }
    return w;
}

/// A block's factors give the bits of a run whose rate and decay are the products.
template <class Restore, class Make>
void check_products(const Make& make) {
    for (const Settling settling : {Settling::each_step, Settling::lazily}) {
        for (const Factors& of : {Factors{0.3, 1}, Factors{1, 0.7}, Factors{3, 0}, Factors{0, 5}, Factors{0.3, 0.7}}) {
            INFO("rate " << of.rate << ", decay " << of.weight_decay);
            const Vector expected = run_block<Restore>(make(eta * of.rate, 0.1 * of.weight_decay), {}, settling);
            const Vector w = run_block<Restore>(make(eta, 0.1), {.rate = of.rate, .weight_decay = of.weight_decay}, settling);
            CHECK(std::memcmp(w.data(), expected.data(), w.size() * sizeof(double)) == 0);
            CHECK((w != run_block<Restore>(make(eta, 0.1), {}, settling)));
        }
    }
}

} // namespace

TEMPLATE_TEST_CASE("A block's factors are those of the dense computation", "", Sgd, SignSgd, ScalarSignSgd, Momentum, WindowedMomentum, Adam,
                   WindowedAdam, Conservative) {
    constexpr bool looks_ahead = std::same_as<TestType, Conservative>; // along the common rate
    for (const double decay : {0.1, 0.0}) {
        for (const auto& [a, b] : {std::pair{Factors{1, 1}, Factors{looks_ahead ? 1 : 0.5, 0}}, std::pair{Factors{looks_ahead ? 1 : 2.5, 3}, Factors{1, 0.25}},
                                   std::pair{Factors{1, 0}, Factors{looks_ahead ? 1 : 0.0, 4}}}) {
            Problem dense = problem(0);
            Problem ours = dense;
            Parameters parameters;
            parameters.add("a", std::span{ours.weights}.first(ours.first), {}, {.rate = a.rate, .weight_decay = a.weight_decay});
            parameters.add("b", std::span{ours.weights}.subspan(ours.first), {}, {.rate = b.rate, .weight_decay = b.weight_decay});
            Dense<TestType> plain{.decay = 0};
            Optimizer optimizer{parameters, TwoSidedRge<>{.epsilon = epsilon, .queries = 2}, Dense<TestType>{.decay = decay}.rule(),
                                Settings{.seed = seed}, Doubles{}};
            for (std::uint64_t step = 0; step < 100; ++step) {
                optimizer.step([&] { return ours.loss(ours.weights); });
                step_densely(plain, dense, two_sided(dense, step), decay, a, b);
                for (std::size_t i = 0; i < dense.weights.size(); ++i) {
                    INFO("decay " << decay << ", step " << step << ", weight " << i);
                    REQUIRE(std::abs(ours.weights[i] - dense.weights[i]) < 1e-9);
                }
            }
        }
    }
}

TEST_CASE("A block's factors give the bits of their products with the rule's rate and decay") {
    check_products<Exact>([](double rate, double decay) { return Sgd{.learning_rate = rate, .weight_decay = decay}; });
    check_products<Snapshot>([](double rate, double decay) { return Sgd{.learning_rate = rate, .weight_decay = decay}; });
    check_products<InPlace>([](double rate, double decay) { return Sgd{.learning_rate = rate, .weight_decay = decay}; });
    check_products<Snapshot>([](double rate, double decay) { return SignSgd{.learning_rate = rate, .weight_decay = decay}; });
    check_products<Snapshot>([](double rate, double decay) { return ScalarSignSgd{.learning_rate = rate, .weight_decay = decay}; });
    check_products<Exact>([](double rate, double decay) { return Momentum{.learning_rate = rate, .weight_decay = decay}; });
    check_products<Snapshot>([](double rate, double decay) { return WindowedMomentum{.learning_rate = rate, .weight_decay = decay}; });
    check_products<InPlace>([](double rate, double decay) { return Adam{.learning_rate = rate, .weight_decay = decay}; });
    check_products<Exact>([](double rate, double decay) { return WindowedAdam{.learning_rate = rate, .weight_decay = decay}; });
    check_products<Snapshot>([](double rate, double decay) {
        return Normalized<Momentum>{.rule = {.learning_rate = rate, .weight_decay = decay}};
    });
}

TEST_CASE("A block's factors leave HiZOO's curvatures alone") {
    const HizooRge<> estimator{.epsilon = epsilon, .queries = 2};
    const Vector start = problem(0).weights;
    const HizooSgd rule{.learning_rate = eta, .smoothing = 0.05};
    const Vector plain = run_block<Snapshot>(rule, {}, Settling::each_step, estimator);
    for (const double rate : {0.0, 0.3, 2.0}) {
        const Vector w = run_block<Snapshot>(rule, {.rate = rate}, Settling::lazily, estimator);
        for (std::size_t i = 0; i < w.size(); ++i) {
            REQUIRE(std::abs((w[i] - start[i]) - rate * (plain[i] - start[i])) < 1e-12);
        }
    }
    const HizooSgd decaying{.learning_rate = eta, .smoothing = 0.05, .weight_decay = 0.1};
    const HizooSgd decaying_less{.learning_rate = eta, .smoothing = 0.05, .weight_decay = 0.1 * 0.3};
    CHECK(run_block<Snapshot>(decaying, {.weight_decay = 0.3}, Settling::each_step, estimator) ==
          run_block<Snapshot>(decaying_less, {}, Settling::each_step, estimator));
}

TEST_CASE("The update's size that is reported counts a block by its rate, and not one that stands still") {
    for (const double rate : {0.5, 0.0}) {
        std::vector<double> a(30, 1.0), b(10, 1.0);
        Parameters parameters;
        parameters.add("a", std::span{a});
        parameters.add("b", std::span{b}, {}, {.rate = rate});
        Optimizer optimizer{parameters, TwoSidedRge{}, SignSgd{.learning_rate = 0x1p-6}, Settings<Snapshot>{}, Doubles{}};
        const StepReport report = optimizer.step([&] { return a[0] + b[0]; });
        const double mean_square = rate == 0 ? 1 : (30 + 10 * rate * rate) / 40;
        CHECK(std::abs(report.relative_update - 0x1p-6 * std::sqrt(mean_square)) < 1e-15);
        CHECK(std::abs(a[3] - 1) == 0x1p-6);
        CHECK(std::abs(b[3] - 1) == 0x1p-6 * rate);
    }
}
