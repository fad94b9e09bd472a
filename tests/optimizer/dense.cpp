// The optimizer against a plain dense computation that knows nothing of it but the directions.

#include "reference_of.hpp"

#include <zeroth/backends/simd.hpp>
#include <zeroth/zeroth.hpp>

#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>

#include <cmath>
#include <string>
#include <vector>

using namespace zeroth;

namespace {

constexpr std::size_t n = 60;

double loss(const std::vector<double>& w) {
    double sum = 0;
    for (std::size_t i = 0; i < w.size(); ++i) {
        const double next = w[(i + 1) % w.size()];
        sum += std::pow(w[i] - 0.3, 2) + 0.5 * std::sin(w[i] * next) + 0.1 * std::pow(w[i], 4);
    }
    return sum / static_cast<double>(w.size());
}

template <class D>
std::vector<double> direction_of(const Key& key) {
    std::vector<double> z(n);
    for (std::size_t i = 0; i < n; ++i) {
        z[i] = D{}(key, BlockIdentity{hash_name("w"), n, 1}, i);
    }
    return z;
}

std::vector<double> moved(std::vector<double> w, const std::vector<double>& z, double by) {
    for (std::size_t i = 0; i < w.size(); ++i) {
        w[i] += by * z[i];
    }
    return w;
}

} // namespace

TEMPLATE_TEST_CASE("200 steps agree with a dense computation", "", Gaussian, Rademacher, Uniform, Sphere) {
    constexpr double epsilon = 1e-3;
    constexpr std::uint32_t queries = 3;
    const Linear rate{.rate = 0.05, .final_rate = 0.01, .steps = 150, .hold = 20};
    constexpr double decay = 0.01;
    for (const bool two_sided : {true, false}) {
        for (const Settling settling : {Settling::each_step, Settling::lazily}) {
            std::vector<double> w(n, 1.0);
            std::vector<double> dense = w;
            Parameters parameters;
            parameters.add("w", std::span{w});
            const auto compare = [&](auto estimator) {
                Optimizer optimizer{parameters, estimator, Sgd{.learning_rate = rate, .weight_decay = decay},
                                    Settings{.seed = 4, .settling = settling}, zeroth_test::ReferenceOf<double>{}};
                const double before = loss(w);
                for (std::uint64_t step = 0; step < 200; ++step) {
                    const StepReport report = optimizer.step([&] { return loss(w); });
                    std::vector<double> gradient(n, 0.0);
                    double mean = 0;
                    for (std::uint32_t q = 0; q < queries; ++q) {
                        const std::vector<double> z = direction_of<TestType>(Key{4, step, q});
                        const double above = loss(moved(dense, z, epsilon));
                        const double below = two_sided ? loss(moved(dense, z, -epsilon)) : loss(dense);
                        mean += two_sided ? (above + below) / 2 / queries : below / queries;
                        gradient = moved(gradient, z, (above - below) / ((two_sided ? 2 : 1) * epsilon) / queries);
                    }
                    REQUIRE(std::abs(report.loss - mean) < 1e-7);
                    REQUIRE(report.learning_rate == rate(step));
                    for (std::size_t i = 0; i < n; ++i) {
                        dense[i] -= rate(step) * (gradient[i] + decay * dense[i]);
                    }
                }
                optimizer.settle();
                CHECK(loss(w) < 0.55 * before);
            };
            if (two_sided) {
                compare(TwoSidedRge<TestType>{.epsilon = epsilon, .queries = queries});
            } else {
                compare(OneSidedRge<TestType>{.epsilon = epsilon, .queries = queries});
            }
            for (std::size_t i = 0; i < n; ++i) {
                INFO(i);
                REQUIRE(std::abs(w[i] - dense[i]) < 1e-6);
            }
        }
    }
}

TEST_CASE("The estimate is unbiased: over fixed keys its mean is the gradient") {
    // L = a.w: the two-sided estimate is (a.z) z, of mean a and covariance |a|^2 I + a a'.
    std::vector<float> w(40, 0.0f);
    std::vector<double> a(40);
    for (std::size_t i = 0; i < a.size(); ++i) {
        a[i] = std::sin(static_cast<double>(i));
    }
    Parameters parameters;
    parameters.add("w", std::span{w});
    Optimizer optimizer{parameters, TwoSidedRge{.epsilon = 0.5}, Sgd{.learning_rate = 0.0}, Settings{.seed = 6}};
    std::vector<double> mean(40);
    constexpr int steps = 4000;
    for (int step = 0; step < steps; ++step) {
        const StepReport report = optimizer.step([&] {
            double sum = 0;
            for (std::size_t i = 0; i < a.size(); ++i) {
                sum += a[i] * static_cast<double>(w[i]);
            }
            return sum;
        });
        for (std::size_t i = 0; i < a.size(); ++i) {
            mean[i] += report.terms[0].coefficient *
                       static_cast<double>(Gaussian{}(report.terms[0].key, BlockIdentity{hash_name("w"), 40, 1}, i)) / steps;
        }
    }
    double square = 0;
    for (const double x : a) {
        square += x * x;
    }
    for (std::size_t i = 0; i < a.size(); ++i) {
        CHECK(std::abs(mean[i] - a[i]) < 5 * std::sqrt((square + a[i] * a[i]) / steps));
    }
}

TEST_CASE("Projected gradients are clipped, and the report says so") {
    std::vector<double> w(4, 1.0);
    Parameters parameters;
    parameters.add("w", std::span{w});
    Optimizer optimizer{parameters, TwoSidedRge{.direction = Rademacher{}, .epsilon = 1e-3, .clip = 0.5}, Sgd{.learning_rate = 0.0}};
    int clipped = 0;
    for (int step = 0; step < 50; ++step) {
        const StepReport report = optimizer.step([&] { return 10 * (w[0] + w[1]); }); // derivative -20, 0 or 20
        CHECK(std::abs(report.terms[0].coefficient) <= 0.5);
        CHECK(report.clipped == (std::abs(report.terms[0].coefficient) == 0.5 ? 1 : 0));
        clipped += report.clipped;
    }
    CHECK(clipped > 10);
    CHECK(clipped < 40);
}

TEST_CASE("A wrong setting is named, with its value and range") {
    std::vector<float> w(4);
    Parameters parameters;
    parameters.add("w", std::span{w});
    const auto message = [&](auto make) {
        try {
            make();
        } catch (const std::invalid_argument& error) {
            return std::string{error.what()};
        }
        return std::string{};
    };
    CHECK(message([&] { Optimizer{parameters, TwoSidedRge{.epsilon = -1e-3}, Sgd{}}; }) ==
          "zeroth: epsilon is -0.001; it must be positive and finite");
    CHECK(message([&] { Optimizer{parameters, TwoSidedRge{.queries = 0}, Sgd{}}; }) == "zeroth: queries is 0; it must be at least 1");
    CHECK(message([&] { Optimizer{parameters, TwoSidedRge{}, Sgd{.learning_rate = -1e-6}}; }).find("learning_rate is -1e-06") !=
          std::string::npos);
    CHECK(message([&] { Optimizer{parameters, TwoSidedRge{}, Sgd{.learning_rate = 1e-6, .weight_decay = std::nan("")}}; })
              .find("weight_decay is") != std::string::npos);
    CHECK(message([&] { parameters.add("w", std::span{w}); }).find("'w'") != std::string::npos);
    CHECK(message([&] { parameters.add("v", std::span{w}, {.rows = 3, .columns = 2}); }).find("'v'") != std::string::npos);
    Parameters overlapping;
    overlapping.add("a", std::span{w});
    overlapping.add("b", std::span{w}.subspan(3));
    CHECK(message([&] { Optimizer{overlapping, TwoSidedRge{}, Sgd{}}; }).find("'a' and 'b' share memory") != std::string::npos);
    std::vector<bfloat16> half(4);
    Parameters narrow;
    narrow.add("half", std::span{half});
    CHECK(message([&] { Optimizer{narrow, TwoSidedRge{}, Sgd{}, Settings{.restore = Exact{}}}; }).find("'half'") !=
          std::string::npos);
}

TEST_CASE("The hook is called after every change of the weights") {
    std::vector<float> w(8, 1.0f);
    Parameters parameters;
    parameters.add("w", std::span{w});
    int calls = 0;
    parameters.on_change([&](std::span<const Block> blocks) {
        ++calls;
        CHECK(blocks.size() == 1);
    });
    Optimizer optimizer{parameters, TwoSidedRge{}, Sgd{}};
    CHECK(optimizer.step([&] { return w[0]; }).traversals == 3);
    CHECK(calls == 3);
    CHECK(optimizer.backend() == "reference");
}
