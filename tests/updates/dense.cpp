// Each rule, with random directions, against a plain dense computation that knows nothing of the library but its directions.

#include "updates/dense.hpp"

#include <zeroth/estimators/fzoo.hpp>

#include <catch2/catch_template_test_macros.hpp>

#include <cmath>
#include <concepts>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

using namespace zeroth_test;

namespace {

Gradients two_sided(const Problem& at, std::uint64_t step, std::uint32_t queries) {
    Gradients result;
    for (std::uint32_t q = 0; q < queries; ++q) {
        result.z.push_back(materialised(at, Gaussian{}, Key{seed, step, q}));
        const double above = at.loss(moved(at.weights, epsilon, result.z[q]));
        const double below = at.loss(moved(at.weights, -epsilon, result.z[q]));
        result.c.push_back((above - below) / (2 * epsilon) / queries);
    }
    return result;
}
Gradients one_sided(const Problem& at, std::uint64_t step, std::uint32_t queries) {
    Gradients result;
    for (std::uint32_t q = 0; q < queries; ++q) {
        result.z.push_back(materialised(at, Gaussian{}, Key{seed, step, q}));
        result.c.push_back((at.loss(moved(at.weights, epsilon, result.z[q])) - at.loss(at.weights)) / epsilon / queries);
    }
    return result;
}

Gradients normalised(const Problem& at, std::uint64_t step, std::uint32_t queries) {
    Gradients result;
    Vector losses;
    double mean = 0;
    for (std::uint32_t q = 0; q < queries; ++q) {
        result.z.push_back(materialised(at, Gaussian{}, Key{seed, step, q}));
        losses.push_back(at.loss(moved(at.weights, epsilon, result.z[q])));
        mean += losses[q] / queries;
    }
    double squares = 0;
    for (const double loss : losses) {
        squares += (loss - mean) * (loss - mean);
    }
    for (const double loss : losses) {
        result.c.push_back((loss - at.loss(at.weights)) / std::sqrt(squares / (queries - 1)) / queries);
    }
    return result;
}

/// For what is known before a weight moves.
struct Idle {
    [[nodiscard]] std::string name() const { return "idle"; }
    template <class Operation, Ray R>
    void traverse(const Traversal<Operation, R>&) const noexcept {}
};

} // namespace

// A sign is decided by rounding where g is near 0: never here.
TEMPLATE_TEST_CASE("Two hundred two-sided steps are those of the dense computation", "", Sgd, SignSgd, ScalarSignSgd, Momentum,
                   WindowedMomentum, Adam, WindowedAdam, Conservative) {
    for (const std::uint32_t queries : {1u, 4u}) {
        INFO("queries " << queries);
        kept_steps = 0;
        compare<TestType, InPlace>([&](const Parameters&) { return TwoSidedRge<>{.epsilon = epsilon, .queries = queries}; },
                                   [&](const Problem& at, std::uint64_t step) { return two_sided(at, step, queries); }, forward_of, false);
        CHECK((kept_steps > 0) == std::same_as<TestType, Conservative>);
    }
}

TEMPLATE_TEST_CASE("Two hundred one-sided steps are those of the dense computation", "", Sgd, SignSgd, ScalarSignSgd, Momentum,
                   WindowedMomentum, Adam, WindowedAdam, Conservative) {
    for (const std::uint32_t queries : {1u, 4u}) {
        INFO("queries " << queries);
        kept_steps = 0;
        compare<TestType, Snapshot>([&](const Parameters&) { return OneSidedRge<>{.epsilon = epsilon, .queries = queries}; },
                                    [&](const Problem& at, std::uint64_t step) { return one_sided(at, step, queries); }, forward_of, true);
        CHECK((kept_steps > 0) == std::same_as<TestType, Conservative>);
    }
}

// The deviation's rounding grows where the losses nearly agree: two hundred steps of a rate under which they do not.
TEMPLATE_TEST_CASE("Two hundred FZOO steps are those of the dense computation", "", Sgd, Momentum, Adam) {
    compare<TestType, Snapshot>([&](const Parameters&) { return Fzoo<Gaussian>{.epsilon = epsilon, .queries = 6}; },
                                [&](const Problem& at, std::uint64_t step) { return normalised(at, step, 6); }, forward_of, true);
}

TEMPLATE_TEST_CASE("A rule's state is what its page says", "", Sgd, SignSgd, ScalarSignSgd, Momentum, WindowedMomentum, Adam,
                   WindowedAdam, Conservative) {
    std::vector<bfloat16> half(100);
    std::vector<float> single(10);
    std::vector<double> wide(7);
    Parameters parameters;
    parameters.add("half", std::span{half});
    parameters.add("single", std::span{single});
    parameters.add("wide", std::span{wide});
    const Optimizer optimizer{parameters, TwoSidedRge{}, TestType{}, {}, Idle{}};
    const std::size_t numbers = std::same_as<TestType, Adam> ? 2 : std::same_as<TestType, Momentum> ? 1 : 0;
    CHECK(optimizer.state_bytes() == numbers * (110 * 4 + 7 * 8));
    CHECK(TestType::state_bytes_per_parameter == 4 * numbers);
}

TEST_CASE("Windows as long as the run are their stateful twins") {
    const auto run = [](auto rule) {
        Problem at = problem(0);
        Parameters parameters;
        parameters.add("a", std::span{at.weights});
        Optimizer optimizer{parameters, TwoSidedRge{.epsilon = epsilon}, rule, Settings{.seed = 5}, Doubles{}};
        for (int step = 0; step < 60; ++step) {
            optimizer.step([&] { return at.loss(at.weights); });
        }
        return at.weights;
    };
    const auto distance = [](const Vector& left, const Vector& right) {
        double sum = 0;
        for (std::size_t i = 0; i < left.size(); ++i) {
            sum += (left[i] - right[i]) * (left[i] - right[i]);
        }
        return std::sqrt(sum);
    };
    const Vector start = problem(0).weights;
    const Vector momentum = run(Momentum{.learning_rate = eta});
    CHECK(distance(run(WindowedMomentum{.learning_rate = eta, .window = 60}), momentum) < 1e-12);
    // What is older than the window is mu^window of it.
    for (const std::size_t window : {10u, 20u, 40u}) {
        const double off = distance(run(WindowedMomentum{.learning_rate = eta, .window = window}), momentum);
        CHECK(off > 0);
        CHECK(off < 3 * std::pow(0.9, window) * distance(start, momentum));
    }
    const Adam adam{.learning_rate = eta, .beta1 = 0.7, .beta2 = 0.9};
    const Vector expected = run(adam);
    CHECK(distance(run(WindowedAdam{.learning_rate = eta, .window = 60}), expected) < 1e-9);
    const double off = distance(run(WindowedAdam{.learning_rate = eta, .window = 30}), expected);
    CHECK(off > 0);
    CHECK(off < 3 * std::pow(0.9, 30) * distance(start, expected));
}
