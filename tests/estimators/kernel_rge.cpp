// KerZOO: the kernels' moments exactly, the order of the bias, and the estimator by its formula.

#include <zeroth/directions/rademacher.hpp>
#include <zeroth/estimators/kernel_rge.hpp>
#include <zeroth/zeroth.hpp>

#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>

#include <cmath>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <vector>

using namespace zeroth;

namespace {

/// A fraction of whole numbers.
struct Rational {
    std::int64_t over = 0;
    std::int64_t under = 1;

    constexpr Rational operator+(Rational other) const { return reduced(over * other.under + other.over * under, under * other.under); }
    constexpr Rational operator*(Rational other) const { return reduced(over * other.over, under * other.under); }
    constexpr bool operator==(const Rational&) const = default;

    static constexpr Rational reduced(std::int64_t over, std::int64_t under) {
        std::int64_t a = over < 0 ? -over : over, b = under;
        while (b != 0) {
            const std::int64_t rest = a % b;
            a = b;
            b = rest;
        }
        return a == 0 ? Rational{} : Rational{over / a, under / a};
    }
};

/// A coefficient that is a multiple of 1/256.
constexpr Rational exact(double coefficient) {
    const auto scaled = static_cast<std::int64_t>(coefficient * 256);
    if (static_cast<double>(scaled) != coefficient * 256) {
        throw std::invalid_argument{"not a multiple of 1/256"};
    }
    return Rational::reduced(scaled, 256);
}

/// E[r^power K(r)] for r ~ U[-1, 1].
template <int Order>
constexpr Rational moment(int power, Rational factor = {1, 1}) {
    constexpr LegendreKernel<Order> kernel;
    Rational sum;
    for (int k = 0; k < kernel.terms; ++k) {
        if ((power + 2 * k + 1) % 2 == 0) {
            sum = sum + exact(kernel.coefficient[k]) * Rational{1, power + 2 * k + 2};
        }
    }
    return sum * factor;
}

constexpr Rational zero{0, 1}, one{1, 1};

static_assert(moment<1>(1) == one && moment<2>(1) == one && moment<3>(1) == one && moment<4>(1) == one && moment<5>(1) == one && moment<6>(1) == one);
static_assert(moment<2>(0) == zero && moment<2>(2) == zero && moment<4>(4) == zero);
static_assert(moment<2>(3) == Rational{3, 5} && moment<3>(3) == zero && moment<4>(3) == zero && moment<6>(3) == zero);
static_assert(moment<4>(5) == Rational{-5, 21} && moment<5>(5) == zero && moment<6>(5) == zero);
static_assert(moment<6>(7) == Rational{35, 429});
// The paper's kernel, (15/4) r (5 - 7 r^2), and (105/64) r (35 - 126 r^2 + 99 r^4).
static_assert(LegendreKernel<2>{}.coefficient[0] == 3);
static_assert(LegendreKernel<4>{}.coefficient[0] == 18.75 && LegendreKernel<4>{}.coefficient[1] == -26.25);
static_assert(exact(LegendreKernel<6>{}.coefficient[0]) == Rational::reduced(105 * 35, 64));
static_assert(exact(LegendreKernel<6>{}.coefficient[1]) == Rational::reduced(-105 * 126, 64));
static_assert(exact(LegendreKernel<6>{}.coefficient[2]) == Rational::reduced(105 * 99, 64));
// With 195/64 in place of 105/64, as it is also printed, the derivative itself would come out 13/7 of what it is.
static_assert(moment<6>(1, Rational{195, 105}) == Rational{13, 7});

double sixth(double x) { return std::exp(0.7 * x) + std::sin(1.3 * x); }
double sixth_slope(double x) { return 0.7 * std::exp(0.7 * x) + 1.3 * std::cos(1.3 * x); }

/// The estimate's mean over r, by the midpoint rule with so many points that its error does not count.
template <int Order>
double mean_estimate(double x, double epsilon) {
    constexpr int points = 200'000;
    double sum = 0;
    for (int i = 0; i < points; ++i) {
        const double r = (2.0 * i + 1) / points - 1;
        sum += KernelRge<Order>::kernel(r) * (sixth(x + epsilon * r) - sixth(x - epsilon * r)) / (2 * epsilon);
    }
    return sum / points;
}

} // namespace

TEST_CASE("Directions' variances are the published ones, and the matched scales undo them") {
    CHECK(std::abs(LegendreKernel<2>{}.direction_variance() - 1.8) < 1e-14);
    CHECK(std::abs(LegendreKernel<4>{}.direction_variance() - 6.25) < 1e-13);
    CHECK(std::abs(LegendreKernel<6>{}.direction_variance() - 13.25) < 0.01);
    CHECK(std::abs(KernelRge<2>::variance_matched_scale() - 0.745) < 1e-3);
    CHECK(std::abs(KernelRge<4>::variance_matched_scale() - 0.4) < 1e-12);
    CHECK(std::abs(KernelRge<6>::variance_matched_scale() - 0.275) < 1e-3);
}

TEST_CASE("The bias falls as the order's power of epsilon") {
    const double x = 0.4;
    const auto falls = [&](auto mean, int power) {
        const double wide = std::abs(mean(x, 0.8) - sixth_slope(x)), narrow = std::abs(mean(x, 0.4) - sixth_slope(x));
        INFO("power " << power << ": " << wide << " to " << narrow);
        CHECK(std::abs(std::log2(wide / narrow) - power) < 0.25);
    };
    falls(mean_estimate<2>, 2);
    falls(mean_estimate<3>, 4);
    falls(mean_estimate<4>, 4);
    falls(mean_estimate<6>, 6);
}

TEMPLATE_TEST_CASE_SIG("A step is the formula, with the key's radius", "", ((int Order), Order), 2, 3, 4, 6) {
    std::vector<double> weights = {1, -2, 0.5, 3, -1}, start = weights;
    Parameters parameters;
    parameters.add("w", std::span{weights});
    const KernelRge<Order, Rademacher> estimator{.epsilon = 0.125, .queries = 3, .scale = 0.5};
    Optimizer optimizer{parameters, estimator, Sgd{.learning_rate = 0.25}, Settings{.seed = 9, .restore = Snapshot{}}};
    const auto loss_at = [](const std::vector<double>& w) {
        double sum = 0;
        for (std::size_t i = 0; i < w.size(); ++i) {
            sum += std::sin(w[i] + static_cast<double>(i)) + w[i] * w[i];
        }
        return sum;
    };
    const StepReport report = optimizer.step([&] { return loss_at(weights); });
    CHECK(report.forward_passes == 6);
    CHECK(report.traversals == 7);
    REQUIRE(report.terms.size() == 3);
    std::vector<double> expected = start;
    for (std::uint32_t j = 0; j < 3; ++j) {
        const Key key{9, 0, j};
        const double r = KernelRge<Order>::radius(key);
        CHECK(std::abs(r) <= 1);
        std::vector<double> above = start, below = start;
        const auto z = [&](std::size_t i) { return static_cast<double>(Rademacher{}(key, BlockIdentity{hash_name("w"), 5, 1}, i)); };
        for (std::size_t i = 0; i < start.size(); ++i) {
            above[i] += 0.125 * r * z(i);
            below[i] -= 0.125 * r * z(i);
        }
        double kernel = 0;
        for (int k = 0; k < LegendreKernel<Order>::terms; ++k) {
            kernel += LegendreKernel<Order>{}.coefficient[k] * std::pow(r, 2 * k + 1);
        }
        const double coefficient = 0.5 * kernel * (loss_at(above) - loss_at(below)) / 0.25 / 3;
        CHECK(std::abs(report.terms[j].coefficient - coefficient) < 1e-11);
        for (std::size_t i = 0; i < start.size(); ++i) {
            expected[i] -= 0.25 * coefficient * z(i);
        }
    }
    for (std::size_t i = 0; i < start.size(); ++i) {
        CHECK(std::abs(weights[i] - expected[i]) < 1e-11);
    }
}

TEST_CASE("Radii are even on [-1, 1], of the key alone, and the kernels' moments hold on them") {
    constexpr int draws = 200'000;
    double first = 0, square = 0, slope = 0, slope_square = 0;
    for (int i = 0; i < draws; ++i) {
        const double r = KernelRge<>::radius({4, static_cast<std::uint64_t>(i / 2), static_cast<std::uint32_t>(i % 2)});
        first += r;
        square += r * r;
        const double product = r * KernelRge<4>::kernel(r);
        slope += product;
        slope_square += product * product;
    }
    CHECK(std::abs(first / draws) < 5 * std::sqrt(1.0 / 3 / draws));
    CHECK(std::abs(square / draws - 1.0 / 3) < 5 * std::sqrt(4.0 / 45 / draws));
    CHECK(std::abs(slope / draws - 1) < 5 * std::sqrt((6.25 - 1) / draws));
    CHECK(std::abs(slope_square / draws - 6.25) < 0.2);
    CHECK(KernelRge<>::radius({4, 1, 0}) == KernelRge<>::radius({4, 1, 0}));
    CHECK(KernelRge<>::radius({4, 1, 0}) != KernelRge<>::radius({4, 1, 1}));
}

TEST_CASE("KernelRge refuses settings out of range") {
    CHECK_THROWS_AS((KernelRge<>{.epsilon = 0}.validate()), std::invalid_argument);
    CHECK_THROWS_AS((KernelRge<>{.queries = 0}.validate()), std::invalid_argument);
    CHECK_THROWS_AS((KernelRge<>{.scale = 0}.validate()), std::invalid_argument);
    CHECK_THROWS_AS((KernelRge<>{.clip = 0}.validate()), std::invalid_argument);
}
