// Estimators on losses made up by hand, and on a quadratic whose gradient is known.

#include <zeroth/cursor.hpp>
#include <zeroth/directions/gaussian.hpp>
#include <zeroth/directions/rademacher.hpp>
#include <zeroth/directions/sphere.hpp>
#include <zeroth/directions/uniform.hpp>
#include <zeroth/estimators/estimator.hpp>
#include <zeroth/estimators/one_sided_rge.hpp>
#include <zeroth/estimators/two_sided_rge.hpp>
#include <zeroth/zeroth.hpp>

#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>

#include <cmath>
#include <limits>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

using namespace zeroth;

namespace {

constexpr std::size_t n = 12;
constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

/// Weights under a cursor, and losses that are read from a list.
struct Scripted {
    std::vector<double> losses;
    std::vector<double> weights = std::vector<double>(n, 1.0);
    /// Where the weights stood at each call.
    std::vector<std::vector<double>> stood{};

    template <class E>
    Estimate estimate(const E& estimator) {
        Parameters parameters;
        parameters.add("w", std::span{weights});
        Cursor<decltype(E::direction)> cursor{parameters, estimator.direction, InPlace{}, Reference{}, estimator.reach(),
                                              estimator.max_terms()};
        Estimate result;
        std::size_t call = 0;
        const auto forward = [&] {
            stood.push_back(weights);
            return losses.at(call++);
        };
        estimator(cursor, forward, Key{1, 2, 0}, result);
        return result;
    }
    /// Whether the weights stood at their base plus by * z of a query.
    bool stood_at(std::size_t call, std::uint32_t query, double by) const {
        bool result = true;
        for (std::size_t i = 0; i < n; ++i) {
            const auto z = static_cast<double>(Rademacher{}(Key{1, 2, query}, BlockIdentity{hash_name("w"), n, 1}, i));
            result = result && std::abs(stood.at(call)[i] - (1 + by * z)) < 1e-14;
        }
        return result;
    }
};

std::string refusal(const auto& estimator) {
    try {
        estimator.validate();
    } catch (const std::invalid_argument& error) {
        return error.what();
    }
    return "";
}

} // namespace

static_assert(Estimator<TwoSidedRge<>> && Estimator<OneSidedRge<Sphere>>);
static_assert(ForwardFn<double (*)()> && ForwardFn<float (*)()> && !ForwardFn<void (*)()> && !ForwardFn<double (*)(int)>);

TEST_CASE("Two-sided coefficients are the differences over twice epsilon, shared among the queries") {
    Scripted scripted{{1.0, 0.5, 2.0, 3.0}};
    const Estimate estimate = scripted.estimate(TwoSidedRge<Rademacher>{.epsilon = 0.25, .queries = 2});
    REQUIRE(estimate.terms.size() == 2);
    CHECK(estimate.terms[0] == Term{Key{1, 2, 0}, 0.5});
    CHECK(estimate.terms[1] == Term{Key{1, 2, 1}, -1.0});
    CHECK(estimate.losses == scripted.losses);
    CHECK(estimate.loss == 1.625);
    CHECK(estimate.finite);
    CHECK(estimate.clipped == 0);
    REQUIRE(scripted.stood.size() == 4);
    CHECK(scripted.stood_at(0, 0, 0.25));
    CHECK(scripted.stood_at(1, 0, -0.25));
    CHECK(scripted.stood_at(2, 1, 0.25));
    CHECK(scripted.stood_at(3, 1, -0.25));
}

TEST_CASE("One-sided coefficients are the differences to the base's loss over epsilon") {
    Scripted scripted{{1.0, 1.5, 0.25}};
    const Estimate estimate = scripted.estimate(OneSidedRge<Rademacher>{.epsilon = 0.25, .queries = 2});
    REQUIRE(estimate.terms.size() == 2);
    CHECK(estimate.terms[0] == Term{Key{1, 2, 0}, 1.0});
    CHECK(estimate.terms[1] == Term{Key{1, 2, 1}, -1.5});
    CHECK(estimate.losses == scripted.losses);
    CHECK(estimate.loss == 1.0);
    REQUIRE(scripted.stood.size() == 3);
    CHECK(scripted.stood[0] == std::vector<double>(n, 1.0));
    CHECK(scripted.stood_at(1, 0, 0.25));
    CHECK(scripted.stood_at(2, 1, 0.25));
}

TEST_CASE("A query's projected gradient is clipped to either side before it is averaged") {
    Scripted two{{1.0, 0.5, 2.0, 3.0, 1.0, 1.25}};
    const Estimate estimate = two.estimate(TwoSidedRge<Rademacher>{.epsilon = 0.25, .queries = 3, .clip = 0.75});
    CHECK(estimate.terms.at(0).coefficient == 0.75 / 3);
    CHECK(estimate.terms.at(1).coefficient == -0.75 / 3);
    CHECK(estimate.terms.at(2).coefficient == -0.5 / 3);
    CHECK(estimate.clipped == 2);
    Scripted one{{1.0, 1.5, 0.25}};
    const Estimate other = one.estimate(OneSidedRge<Rademacher>{.epsilon = 0.25, .queries = 2, .clip = 2.0});
    CHECK(other.terms.at(0).coefficient == 1.0); // exactly at the limit: as it was
    CHECK(other.terms.at(1).coefficient == -1.0);
    CHECK(other.clipped == 1);
}

TEST_CASE("The first loss that is not finite ends the estimate") {
    for (const double bad : {not_a_number, infinity, -infinity}) {
        for (std::size_t at = 0; at < 4; ++at) {
            INFO("loss " << bad << " at call " << at);
            std::vector<double> losses{1.0, 2.0, 3.0, 4.0};
            losses[at] = bad;
            Scripted two{losses};
            const Estimate estimate = two.estimate(TwoSidedRge<Rademacher>{.epsilon = 0.25, .queries = 2});
            CHECK_FALSE(estimate.finite);
            CHECK(estimate.losses.size() == at + 1);
            Scripted one{losses};
            const Estimate other = one.estimate(OneSidedRge<Rademacher>{.epsilon = 0.25, .queries = 3});
            CHECK_FALSE(other.finite);
            CHECK(other.losses.size() == at + 1);
            // Leaving the cursor behind brings the weights home.
            CHECK(two.weights == std::vector<double>(n, 1.0));
            CHECK(one.weights == std::vector<double>(n, 1.0));
        }
    }
}

TEST_CASE("Estimators say what a step takes, and take it") {
    for (std::uint32_t queries = 1; queries <= 5; ++queries) {
        const TwoSidedRge<Rademacher> two{.epsilon = 0.5, .queries = queries};
        const OneSidedRge<Rademacher> one{.epsilon = 0.5, .queries = queries};
        CHECK(two.forward_passes() == 2 * queries);
        CHECK(one.forward_passes() == 1 + queries);
        CHECK(two.max_terms() == queries);
        CHECK(one.max_terms() == queries);
        CHECK(two.reach() == 0.5);
        CHECK(one.reach() == 0.5);
        Scripted script{std::vector<double>(100, 1.0)};
        CHECK(script.estimate(two).losses.size() == two.forward_passes());
        CHECK(script.estimate(one).losses.size() == one.forward_passes());
    }
}

TEMPLATE_TEST_CASE("On a quadratic every estimate's mean over fixed keys is the gradient", "", Gaussian, Rademacher, Uniform,
                   Sphere) {
    // L = a.w + w'Hw / 2, H diagonal: the gradient is a + Hw. With a finite epsilon the one-sided estimate adds
    // (eps/2) (z'Hz) z, an odd moment, so its mean is the same.
    std::vector<float> weights(n);
    std::vector<double> a(n);
    std::vector<double> gradient(n);
    for (std::size_t i = 0; i < n; ++i) {
        weights[i] = 0.25f * static_cast<float>(i % 5) - 0.5f;
        a[i] = std::cos(static_cast<double>(i));
        gradient[i] = a[i] + (1 + static_cast<double>(i)) / 4 * static_cast<double>(weights[i]);
    }
    Parameters parameters;
    parameters.add("w", std::span{weights});
    const BlockIdentity identity = parameters.blocks()[0].identity;
    const auto loss = [&] {
        double sum = 0;
        for (std::size_t i = 0; i < n; ++i) {
            const auto w = static_cast<double>(weights[i]);
            sum += a[i] * w + (1 + static_cast<double>(i)) / 8 * w * w;
        }
        return sum;
    };
    const auto unbiased = [&](const auto& estimator, std::uint64_t seed) {
        Cursor<TestType, Snapshot> cursor{parameters, TestType{}, Snapshot{}, Reference{}, 1.0, 2};
        constexpr int samples = 4000;
        std::vector<double> mean(n);
        std::vector<double> square(n);
        Estimate estimate;
        for (std::uint64_t step = 0; step < samples; ++step) {
            estimate.clear();
            estimator(cursor, loss, Key{seed, step, 0}, estimate);
            REQUIRE(estimate.terms.size() == 2);
            for (std::size_t i = 0; i < n; ++i) {
                double g = 0;
                for (const Term& term : estimate.terms) {
                    g += term.coefficient * static_cast<double>(TestType{}(term.key, identity, i));
                }
                mean[i] += g / samples;
                square[i] += g * g / samples;
            }
        }
        for (std::size_t i = 0; i < n; ++i) {
            const double sigma = std::sqrt((square[i] - mean[i] * mean[i]) / samples);
            INFO("weight " << i << ", mean " << mean[i] << ", gradient " << gradient[i] << ", sigma " << sigma);
            CHECK(std::abs(mean[i] - gradient[i]) < 5 * sigma);
            CHECK(sigma < 0.05);
        }
    };
    unbiased(TwoSidedRge<TestType>{.epsilon = 0.125, .queries = 2}, 21);
    unbiased(OneSidedRge<TestType>{.epsilon = 0.125, .queries = 2}, 22);
}

TEMPLATE_TEST_CASE("A setting out of range is refused with its name, value and range", "", TwoSidedRge<>, OneSidedRge<>) {
    CHECK(refusal(TestType{}) == "");
    CHECK(refusal(TestType{.epsilon = 1e-30, .queries = 4000, .clip = 1e-30}) == "");
    CHECK(refusal(TestType{.epsilon = 0}) == "zeroth: epsilon is 0; it must be positive and finite");
    CHECK(refusal(TestType{.epsilon = -0.5}) == "zeroth: epsilon is -0.5; it must be positive and finite");
    CHECK(refusal(TestType{.epsilon = infinity}) == "zeroth: epsilon is inf; it must be positive and finite");
    CHECK(refusal(TestType{.epsilon = not_a_number}) == "zeroth: epsilon is nan; it must be positive and finite");
    CHECK(refusal(TestType{.queries = 0}) == "zeroth: queries is 0; it must be at least 1");
    CHECK(refusal(TestType{.clip = 0}) == "zeroth: clip is 0; it must be positive");
    CHECK(refusal(TestType{.clip = -2}) == "zeroth: clip is -2; it must be positive");
    CHECK(refusal(TestType{.clip = not_a_number}) == "zeroth: clip is nan; it must be positive");
}

TEST_CASE("Micro-batches are averaged at the same weights, in as many traversals as one batch takes") {
    std::vector<double> weights(n, 1.0);
    Parameters parameters;
    parameters.add("w", std::span{weights});
    const auto part = [&](std::size_t micro) { return weights[micro] * weights[micro]; };
    std::vector<double> whole_batch(n, 1.0);
    Parameters other;
    other.add("w", std::span{whole_batch});
    Optimizer accumulated{parameters, TwoSidedRge{}, Sgd{.learning_rate = 1e-2}};
    Optimizer whole{other, TwoSidedRge{}, Sgd{.learning_rate = 1e-2}};
    for (int step = 0; step < 20; ++step) {
        const StepReport report = accumulated.step(Accumulated{4, part});
        CHECK(report.forward_passes == 2);
        CHECK(report.traversals == 3);
        whole.step([&] { return (whole_batch[0] * whole_batch[0] + whole_batch[1] * whole_batch[1] + whole_batch[2] * whole_batch[2] +
                                 whole_batch[3] * whole_batch[3]) / 4; });
        for (std::size_t i = 0; i < n; ++i) {
            REQUIRE(std::abs(weights[i] - whole_batch[i]) < 1e-10);
        }
    }
    CHECK_THROWS_AS((Accumulated{0, part}), std::invalid_argument);
}
