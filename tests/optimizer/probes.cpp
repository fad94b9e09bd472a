// Probes that rounding takes away are reported, with the block; those that it does not are not.

#include <zeroth/estimators/fzoo.hpp>
#include <zeroth/zeroth.hpp>

#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>

#include <cstddef>
#include <span>
#include <string>
#include <vector>

using namespace zeroth;

namespace {

/// The block that the first step reports, of one of zeros, one of small weights, and one whose first weight is `outlier`.
template <class T, class Restore>
std::string lost(double epsilon, double outlier) {
    std::vector<T> zeros(100);
    std::vector<T> small(100, T(0.001f));
    std::vector<T> mixed(1000, T(0.01f));
    mixed[0] = T(static_cast<float>(outlier));
    Parameters parameters;
    parameters.add("zeros", std::span{zeros});
    parameters.add("small", std::span{small});
    parameters.add("mixed", std::span{mixed});
    Optimizer optimizer{parameters, TwoSidedRge{.epsilon = epsilon}, Sgd{.learning_rate = 1e-6}, Settings<Restore>{.seed = 1}};
    const StepReport report = optimizer.step([&] {
        double sum = 0;
        for (const T x : mixed) {
            sum += static_cast<double>(x);
        }
        return sum;
    });
    return report.probes_rounded_away != nullptr ? report.probes_rounded_away->name : std::string{};
}

} // namespace

TEST_CASE("Probes under the spacing of the numbers are reported") {
    CHECK(lost<float, InPlace>(1e-3, 0.01).empty());
    CHECK(lost<float, InPlace>(1e-8, 0.01).empty());
    CHECK(lost<float, InPlace>(3e-10, 0.01) == "mixed");
    CHECK(lost<float, InPlace>(1e-30, 0.01) == "mixed");
    CHECK(lost<float, Snapshot>(3e-10, 0.01) == "mixed");
    CHECK(lost<double, InPlace>(3e-10, 0.01).empty());
    CHECK(lost<double, InPlace>(1e-19, 0.01) == "mixed");
    // As they are stored, not as they are computed in.
    CHECK(lost<bfloat16, Snapshot>(1e-3, 0.01).empty());
    CHECK(lost<bfloat16, Snapshot>(1e-5, 0.01) == "mixed");
    CHECK(lost<float16, InPlace>(1e-6, 0.01) == "mixed");
}

TEST_CASE("Probes under the grid that one large weight makes coarse are reported") {
    CHECK(lost<float, Exact>(1e-3, 0.01).empty());
    CHECK(lost<float, Exact>(5e-6, 0.01).empty());
    CHECK(lost<float, Exact>(1e-3, 100).empty());
    CHECK(lost<float, Exact>(1e-4, 100) == "mixed");
    CHECK(lost<float, Exact>(5e-6, 100) == "mixed");
    CHECK(lost<double, Exact>(5e-6, 100).empty());
}

TEST_CASE("Losses that differ by less than a float's rounding are reported as floored") {
    std::vector<float> w(10, 1.0f);
    Parameters parameters;
    parameters.add("w", std::span{w});
    Optimizer optimizer{parameters, Fzoo{.queries = 2}, Sgd{.learning_rate = 0}};
    double calls = 0;
    CHECK(!optimizer.step([&] { return 5 + 1e-5 * ++calls; }).floored);
    CHECK(optimizer.step([&] { return 5 + 1e-7 * ++calls; }).floored);
    CHECK(!optimizer.step([&] { return 5 + 1e-5 * ++calls; }).floored);
    CHECK(optimizer.step([] { return 0.0; }).floored);
}
