// The forward gradient: derivatives by dual numbers, directions replayed.

#include <zeroth/backends/simd.hpp>
#include <zeroth/directions/masked.hpp>
#include <zeroth/first_order/dual.hpp>
#include <zeroth/estimators/forward_gradient.hpp>
#include <zeroth/zeroth.hpp>

#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>

#include <cmath>
#include <limits>
#include <span>
#include <stdexcept>
#include <vector>

using namespace zeroth;

namespace {

/// 2 inputs, 6 units of tanh, 1 output, learning x y; weights and biases in two tensors. Templated on its scalar, as a runtime would be.
template <class T>
T small_network(const std::vector<T>& w, const std::vector<T>& out) {
    T sum = 0;
    for (int x = -2; x <= 2; ++x) {
        for (int y = -2; y <= 2; ++y) {
            T value = 0;
            for (std::size_t h = 0; h < 6; ++h) {
                value += out[h] * tanh(w[3 * h] * T(x) + w[3 * h + 1] * T(y) + w[3 * h + 2]);
            }
            sum += (value - T(x * y)) * (value - T(x * y)) / T(50);
        }
    }
    return sum;
}

struct Network {
    std::vector<double> w = std::vector<double>(18), out = std::vector<double>(6);

    Network() {
        for (std::size_t i = 0; i < 18; ++i) {
            w[i] = 0.8 * std::cos(static_cast<double>(i * i + 1));
        }
        for (std::size_t i = 0; i < 6; ++i) {
            out[i] = 0.7 * std::sin(static_cast<double>(i + 2));
        }
    }
    Parameters parameters() {
        Parameters result;
        result.add("w", std::span{w});
        result.add("out", std::span{out});
        return result;
    }
    double loss() const { return small_network(w, out); }
    DirectionalLoss along(const Tangent& tangent) const {
        const auto dual = [&](std::size_t block, const std::vector<double>& values) {
            std::vector<float> z(values.size());
            tangent.fill(block, z);
            std::vector<Dual<double>> result;
            for (std::size_t i = 0; i < values.size(); ++i) {
                result.push_back({values[i], static_cast<double>(z[i])});
            }
            return result;
        };
        const Dual<double> result = small_network(dual(0, w), dual(1, out));
        return {result.value, result.derivative};
    }
};

} // namespace

TEST_CASE("A dual's derivative is the function's") {
    const auto check = [](auto f, double x) {
        const Dual<double> y = f(Dual<double>{x, 2.0});
        const double h = 1e-5;
        const double slope = 2 * (f(Dual<double>{x + h}).value - f(Dual<double>{x - h}).value) / (2 * h);
        INFO("at " << x << ": " << y.derivative << " and " << slope);
        CHECK(std::abs(y.derivative - slope) < 1e-8 * (1 + std::abs(slope)));
        CHECK(std::abs(y.value - f(Dual<double>{x}).value) < 1e-14 * (1 + std::abs(y.value)));
        CHECK(f(Dual<double>{x}).derivative == 0);
    };
    using D = Dual<double>;
    for (const double x : {0.3, 1.0, 2.5}) {
        check([](const D& a) { return exp(a) * sin(a) - cos(a) / a; }, x);
        check([](const D& a) { return log(a) + sqrt(a) * tanh(-a); }, x);
        check([](const D& a) { return pow(a, 2.5) / (1 + a * a); }, x);
        check([](const D& a) { return abs(a - 1.7) * 3; }, x);
        check([](const D& a) {
            D b = a;
            b += 2;
            b *= a;
            b -= exp(a);
            b /= 1 + a;
            return b;
        }, x);
    }
    CHECK(D{1, 5} == D{1, 7});
    CHECK(D{1, 5} < D{2, 0});
    CHECK_FALSE(isfinite(D{1, std::numeric_limits<double>::infinity()}));
}

TEMPLATE_TEST_CASE("The estimate is the gradient's projection, exactly", "", Gaussian, Rademacher, Uniform) {
    Network network;
    const Parameters parameters = network.parameters();
    // The gradient by central differences.
    std::vector<double> gradient;
    for (std::vector<double>* tensor : {&network.w, &network.out}) {
        for (double& x : *tensor) {
            const double centre = x;
            x = centre + 1e-5;
            const double above = network.loss();
            x = centre - 1e-5;
            gradient.push_back((above - network.loss()) / 2e-5);
            x = centre;
        }
    }
    Optimizer optimizer{parameters, ForwardGradient<TestType>{.queries = 3}, Sgd{.learning_rate = 1e-3}, Settings{.seed = 8}, Simd<>{}};
    std::vector<double> expected = network.w;
    expected.insert(expected.end(), network.out.begin(), network.out.end());
    const double loss = network.loss();
    const StepReport report = optimizer.step([&](const Tangent& tangent) { return network.along(tangent); });
    CHECK(report.reason == Reason::updated);
    CHECK(report.forward_passes == 3);
    CHECK(report.traversals == 1);
    CHECK(std::abs(report.loss - loss) < 1e-14);
    REQUIRE(report.terms.size() == 3);
    for (const Term& term : report.terms) {
        double projection = 0;
        for (std::size_t i = 0; i < 24; ++i) {
            const BlockIdentity identity = parameters.blocks()[i < 18 ? 0 : 1].identity;
            const auto z = static_cast<double>(TestType{}(term.key, identity, i < 18 ? i : i - 18));
            projection += gradient[i] * z;
            expected[i] -= 1e-3 * term.coefficient * z;
        }
        CHECK(std::abs(3 * term.coefficient - projection) < 1e-8);
    }
    for (std::size_t i = 0; i < 24; ++i) {
        CHECK(std::abs((i < 18 ? network.w[i] : network.out[i - 18]) - expected[i]) < 1e-14);
    }
}

TEST_CASE("It descends, masked as well, and refuses what it cannot use") {
    Network network;
    const double before = network.loss();
    const auto directional = [&](const Tangent& tangent) { return network.along(tangent); };
    Optimizer optimizer{network.parameters(), ForwardGradient{.direction = Masked{Rademacher{}, Bernoulli{.keep = 0.5, .refresh_every = 1}}},
                        Sgd{.learning_rate = 1e-2}};
    for (int step = 0; step < 400; ++step) {
        optimizer.step(directional);
    }
    CHECK(network.loss() < 0.7 * before);
    const std::vector<double> w = network.w;
    CHECK(optimizer.step([&](const Tangent&) { return DirectionalLoss{std::nan(""), 1}; }).reason == Reason::non_finite_loss);
    CHECK(optimizer.step([&](const Tangent&) { return DirectionalLoss{1, std::nan("")}; }).reason == Reason::non_finite_update);
    CHECK(network.w == w);
    CHECK_THROWS_AS((Optimizer{network.parameters(), ForwardGradient{.queries = 0}, Sgd{}}), std::invalid_argument);
    static_assert(!accepts<ForwardGradient<>, double (*)()>);
    static_assert(accepts<TwoSidedRge<>, double (*)()>);
}
