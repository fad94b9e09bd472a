// Which of three candidates Conservative takes: the best; where losses are equal the base, else the first of the two.

#include <zeroth/zeroth.hpp>

#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>

#include <cmath>
#include <span>
#include <vector>

using namespace zeroth;

namespace {

/// A step of Conservative whose losses are given: of the two probes, the base, the step and the step back.
template <class Restore>
struct CandidateStep {
    std::vector<float> weights = std::vector<float>(40, 0.5f);
    StepReport report{};
    /// Where the weights stood at each loss.
    std::vector<std::vector<float>> stood{};

    CandidateStep(const std::vector<double>& losses, Settling settling) {
        Parameters parameters;
        parameters.add("w", std::span{weights});
        Optimizer optimizer{parameters, TwoSidedRge{.direction = Rademacher{}, .epsilon = 0x1p-4}, Conservative{.learning_rate = 0x1p-3},
                            Settings<Restore>{.seed = 2, .restore = {}, .settling = settling}};
        report = optimizer.step([&] {
            stood.push_back(weights);
            return losses[stood.size() - 1];
        });
        optimizer.settle();
        reason = report.reason;
    }
    Reason reason = Reason::kept;

    /// Of the base's move: -1 for the step, 1 for the step back, 0 for none.
    [[nodiscard]] double moved(double gradient) const {
        const float z = Rademacher{}(Key{2, 0, 0}, BlockIdentity{hash_name("w"), 40, 1}, 7);
        return static_cast<double>((weights[7] - 0.5f) * z) / (0x1p-3 * gradient);
    }
};

} // namespace

TEMPLATE_TEST_CASE("The base wins a tie with a candidate, and the first of equal candidates wins", "", InPlace, Snapshot, Exact) {
    // The projected gradient is (1.125 - 1) / (2 / 16) = 1.
    const auto of = [](double base, double step, double back) { return std::vector<double>{1.125, 1, base, step, back}; };
    for (const Settling settling : {Settling::each_step, Settling::lazily}) {
        const auto check = [&](const std::vector<double>& losses, double towards) {
            INFO("losses " << losses[2] << ", " << losses[3] << ", " << losses[4]);
            const CandidateStep<TestType> step{losses, settling};
            REQUIRE(step.stood.size() == 5);
            CHECK(step.stood[2] == std::vector<float>(40, 0.5f));
            CHECK(step.moved(1) == towards);
            CHECK(step.reason == (towards == 0 ? Reason::kept : Reason::updated));
            if (towards != 0) { // a candidate is what the weights become
                CHECK(step.weights == step.stood[towards < 0 ? 3 : 4]);
            } else {
                CHECK(step.weights == std::vector<float>(40, 0.5f));
            }
        };
        check(of(1, 0.5, 2), -1);
        check(of(1, 2, 0.5), 1);
        check(of(1, 2, 3), 0);
        check(of(1, 0.75, 0.5), 1);
        check(of(1, 0.5, 0.75), -1);
        // Ties.
        check(of(1, 1, 2), 0);
        check(of(1, 2, 1), 0);
        check(of(1, 1, 1), 0);
        check(of(1, 0.5, 0.5), -1);
        check(of(1, 1, 0.5), 1);
        check(of(1, 0.5, 1), -1);
        check(of(0.0, -0.0, 0.0), 0); // equal, whatever their signs
    }
}
