// A step is refused before a weight is written if it could make one infinite, whatever the rule, the policy and the type of the weights; the
// rule's state is then as it was. A weight that is not finite already is reported with its block.

#include <zeroth/directions/masked.hpp>
#include <zeroth/directions/scaled.hpp>
#include <zeroth/estimators/hizoo_rge.hpp>
#include <zeroth/updates/hizoo_sgd.hpp>
#include <zeroth/updates/normalized.hpp>
#include <zeroth/zeroth.hpp>

#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <span>
#include <stdexcept>
#include <vector>

using namespace zeroth;
using Catch::Matchers::ContainsSubstring;

namespace {

/// Two blocks, the second with a rate of its own.
template <class Scalar>
struct Model {
    std::vector<Scalar> a, b;

    Model() : a(40), b(30) {
        for (std::size_t i = 0; i < a.size(); ++i) {
            a[i] = static_cast<Scalar>(0.02f * static_cast<float>(i % 13) - 0.1f);
        }
        for (std::size_t i = 0; i < b.size(); ++i) {
            b[i] = static_cast<Scalar>(0.03f * static_cast<float>(i % 7));
        }
    }
    [[nodiscard]] Parameters parameters() {
        Parameters result;
        result.add("a", std::span{a});
        result.add("b", std::span{b}, {}, {.rate = 3});
        return result;
    }
    [[nodiscard]] double loss() const {
        double sum = 0;
        for (const Scalar w : a) {
            sum += (static_cast<double>(w) - 0.3) * (static_cast<double>(w) - 0.3);
        }
        for (const Scalar w : b) {
            sum += std::abs(static_cast<double>(w));
        }
        return sum;
    }
    [[nodiscard]] bool finite() const {
        const auto is_finite = [](Scalar w) { return std::isfinite(static_cast<double>(w)); };
        return std::all_of(a.begin(), a.end(), is_finite) && std::all_of(b.begin(), b.end(), is_finite);
    }
    [[nodiscard]] bool same(const Model& other) const {
        return std::memcmp(a.data(), other.a.data(), a.size() * sizeof(Scalar)) == 0 &&
               std::memcmp(b.data(), other.b.data(), b.size() * sizeof(Scalar)) == 0;
    }
};

/// Four steps, in the third of which losses are far apart, by 10^-40 to 10^300: it is made and all is finite, or refused and as if it had not
/// been but for its number.
template <class Scalar, class Restore, class E, class Rule>
void check(const E& estimator, Rule rule, bool bit_for_bit = true) {
    int refused = 0;
    int made = 0;
    for (const double rate : {1e-3, 1e30}) {
        rule = [&] {
            Rule changed = rule;
            if constexpr (requires { changed.learning_rate = rate; }) {
                changed.learning_rate = rate;
            } else {
                changed.rule.learning_rate = rate;
            }
            return changed;
        }();
        for (int exponent = -40; exponent <= 300; exponent += 5) {
            Model<Scalar> model;
            Model<Scalar> other;
            Optimizer optimizer{model.parameters(), estimator, rule, Settings<Restore>{.seed = 5}};
            Optimizer without{other.parameters(), estimator, rule, Settings<Restore>{.seed = 5}};
            bool is_same = true;
            for (int step = 0; step < 4; ++step) {
                const Model<Scalar> before = model;
                int call = 0;
                const StepReport report = optimizer.step([&] { return model.loss() * (step == 2 && ++call == 1 ? std::pow(10.0, exponent) : 1.0); });
                REQUIRE(model.finite());
                if (report.reason == Reason::updated) {
                    made += step == 2 ? 1 : 0;
                    is_same = is_same && step != 2;
                } else {
                    CHECK(report.reason == (std::isfinite(report.loss) ? Reason::non_finite_update : Reason::non_finite_loss));
                    CHECK((!bit_for_bit || model.same(before)));
                    refused += step == 2 ? 1 : 0;
                }
                if (step == 2) {
                    without.set_next_step(3);
                } else {
                    without.step([&] { return other.loss(); });
                }
            }
            if (is_same && bit_for_bit) {
                CHECK(model.same(other)); // the rule's state, too, was as if the step had not been
            }
        }
    }
    CHECK(refused > 10);
    CHECK(made > 10);
}

template <class Scalar, class Restore>
void check_rules(bool bit_for_bit = true) {
    const TwoSidedRge<> two_sided{.epsilon = 1e-3, .queries = 2};
    check<Scalar, Restore>(two_sided, Sgd{}, bit_for_bit);
    check<Scalar, Restore>(two_sided, Sgd{.weight_decay = 0.1}, bit_for_bit);
    check<Scalar, Restore>(two_sided, Momentum{}, bit_for_bit);
    check<Scalar, Restore>(two_sided, WindowedMomentum{.window = 2}, bit_for_bit);
    check<Scalar, Restore>(two_sided, Adam{}, bit_for_bit);
    check<Scalar, Restore>(two_sided, WindowedAdam{.window = 2}, bit_for_bit);
    check<Scalar, Restore>(two_sided, SignSgd{}, bit_for_bit);
    check<Scalar, Restore>(two_sided, ScalarSignSgd{}, bit_for_bit);
    check<Scalar, Restore>(two_sided, Normalized<Adam>{}, bit_for_bit);
}

} // namespace

TEST_CASE("No step makes a weight infinite: Snapshot") {
    check_rules<float, Snapshot>();
    check_rules<double, Snapshot>();
    check_rules<bfloat16, Snapshot>();
    check<float, Snapshot>(HizooRge<>{.epsilon = 1e-2}, HizooSgd{.smoothing = 0.1});
}

TEST_CASE("No step makes a weight infinite: Exact") {
    check_rules<float, Exact>();
    check_rules<double, Exact>();
}

TEST_CASE("No step makes a weight infinite: in place") { check_rules<float, InPlace>(false); }

TEST_CASE("A loss that is far off once does not freeze what Adam does afterwards") {
    Model<float> model;
    Optimizer optimizer{model.parameters(), TwoSidedRge{}, Adam{.learning_rate = 1e-2}};
    int call = 0;
    CHECK(optimizer.step([&] { return ++call == 1 ? 1e18 : model.loss(); }).reason == Reason::non_finite_update);
    const double before = model.loss();
    for (int t = 0; t < 200; ++t) {
        CHECK(optimizer.step([&] { return model.loss(); }).reason == Reason::updated);
    }
    CHECK(model.loss() < 0.8 * before);
}

TEST_CASE("Weights that run away are refused before they are infinite") {
    Model<float> model;
    Optimizer optimizer{model.parameters(), TwoSidedRge{}, Sgd{.learning_rate = 30.0}, Settings<Snapshot>{}};
    int refused = 0;
    for (int t = 0; t < 200; ++t) {
        int call = 0;
        const StepReport report = optimizer.step([&] { return ++call == 1 ? 3e31 : 0.0; });
        REQUIRE(model.finite());
        refused += report.reason == Reason::non_finite_update ? 1 : 0;
    }
    CHECK(refused > 0);
    CHECK(refused < 200);
}

TEST_CASE("A step's bound is one, and no bound of ten times the step") {
    std::mt19937 bits{7};
    std::uniform_real_distribution<double> uniform{-1, 1};
    const auto run = [&]<class Rule>(Rule rule, double loose) {
        std::vector<double> w(500);
        Parameters parameters;
        parameters.add("w", std::span{w});
        typename Rule::State state{rule, parameters.blocks(), 3, StateAllocator{}};
        Cursor<Gaussian, InPlace, Reference, typename Rule::Step> cursor{parameters, Gaussian{}, InPlace{}, Reference{}, 1, 3, 60};
        for (std::uint64_t step = 0; step < 40; ++step) {
            Estimate estimate;
            const double size = std::pow(10, 3 * uniform(bits));
            for (std::uint32_t query = 0; query < 3; ++query) {
                estimate.terms.push_back({{1, step, query}, size * uniform(bits)});
            }
            const std::vector<double> before = w;
            std::vector<GradientTerm<Rule::Step::coefficients>> gradient;
            const auto move = rule.move(estimate, {1, step, 0}, state, gradient);
            const double bound = move.rate * move.step.bound(std::span<const GradientTerm<Rule::Step::coefficients>>{gradient}).u(Gaussian::largest);
            cursor.update(move, std::span<const GradientTerm<Rule::Step::coefficients>>{gradient});
            cursor.settle();
            double moved = 0;
            for (std::size_t i = 0; i < w.size(); ++i) {
                moved = std::max(moved, std::abs(w[i] - before[i]));
            }
            CHECK(moved <= bound * (1 + 1e-12));
            CHECK(bound <= loose * moved);
        }
    };
    run(Sgd{.learning_rate = 1e-3}, 6);
    run(Momentum{.learning_rate = 1e-3}, 20);
    run(WindowedMomentum{.learning_rate = 1e-3, .window = 10}, 20);
    run(SignSgd{.learning_rate = 1e-3}, 1.0001);
    run(ScalarSignSgd{.learning_rate = 1e-3}, 6);
    run(Adam{.learning_rate = 1e-3}, 20);
    run(WindowedAdam{.learning_rate = 1e-3}, 20);
    run(Normalized<Sgd>{.rule = {.learning_rate = 1e-3}}, 6);
}

TEST_CASE("A smoothing that no block can be displaced by is refused") {
    Model<float> narrow;
    Model<double> wide;
    const auto make = [](auto& model, double epsilon) { Optimizer{model.parameters(), TwoSidedRge{.epsilon = epsilon}, Sgd{}}; };
    CHECK_THROWS_WITH(make(narrow, 1e39), ContainsSubstring("epsilon is 1e+39"));
    CHECK_THROWS_AS(make(narrow, 1e38), std::invalid_argument); // times the largest number
    CHECK_THROWS_WITH(make(narrow, 1e-50), ContainsSubstring("epsilon is 1e-50"));
    CHECK_NOTHROW(make(narrow, 1e-30));
    CHECK_NOTHROW(make(wide, 1e39));
    CHECK_NOTHROW(make(wide, 1e-50));
    CHECK_THROWS_AS(make(wide, 1e308), std::invalid_argument);
    // Times the block's scale.
    const double scales[] = {1, 1e-30};
    const Parameters parameters = narrow.parameters();
    const auto scaled = [&](double epsilon) {
        Optimizer{parameters, TwoSidedRge{.direction = Scaled{Gaussian{}, parameters, scales}, .epsilon = epsilon}, Sgd{}};
    };
    CHECK_NOTHROW(scaled(1e-3));
    CHECK_THROWS_AS(scaled(1e-20), std::invalid_argument);
    CHECK_THROWS_WITH((Adam{.delta = 1e-50}.validate()), ContainsSubstring("delta"));
}

TEMPLATE_TEST_CASE("A weight that is not finite from the start is reported with its block, and nothing is moved", "", float, double, float16, bfloat16) {
    for (const float bad : {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity()}) {
        Model<TestType> model;
        model.b[17] = static_cast<TestType>(bad);
        const Parameters parameters = model.parameters();
        Optimizer optimizer{parameters, TwoSidedRge{}, Sgd{.learning_rate = 1e-3}, Settings<Snapshot>{}};
        const Model<TestType> before = model;
        for (int t = 0; t < 2; ++t) {
            const StepReport report = optimizer.step([] { return 1.0; });
            CHECK(report.reason == Reason::non_finite_weights);
            REQUIRE(report.not_finite != nullptr);
            CHECK(report.not_finite->name == "b");
            CHECK(report.forward_passes == 0);
            CHECK(std::isnan(report.loss));
            CHECK(model.same(before));
        }
        model.b[17] = static_cast<TestType>(0.5f);
        optimizer.adopt_weights();
        const StepReport report = optimizer.step([&] { return model.loss(); });
        CHECK(report.reason == Reason::updated);
        CHECK(report.not_finite == nullptr);
    }
}

TEST_CASE("A NaN that a loss writes is reported by the update that meets it, which is no extra traversal") {
    for (const bool in_vectors : {false, true}) {
        Model<float> model;
        const Parameters parameters = model.parameters();
        Optimizer optimizer{parameters, TwoSidedRge{}, Sgd{.learning_rate = 1e-6}, Settings<Exact>{}};
        int call = 0;
        const StepReport report = optimizer.step([&] {
            if (++call == 1) {
                model.a[in_vectors ? 3 : 39] = std::numeric_limits<float>::quiet_NaN();
            }
            return 1.0 + call;
        });
        CHECK(report.reason == Reason::non_finite_weights);
        REQUIRE(report.not_finite != nullptr);
        CHECK(report.not_finite->name == "a");
        CHECK(report.traversals == 3);
        CHECK(optimizer.step([] { return 1.0; }).forward_passes == 0);
        model.a[in_vectors ? 3 : 39] = 0;
        optimizer.adopt_weights();
        CHECK(optimizer.step([&] { return model.loss(); }).reason == Reason::updated);
    }
}

TEMPLATE_TEST_CASE("Infinities that a move does not touch stay", "", InPlace, Snapshot) {
    for (const double decay : {0.0, 0.1}) {
        std::vector<float> w(64, -std::numeric_limits<float>::infinity());
        for (std::size_t i = 0; i < 32; ++i) {
            w[i] = 1;
        }
        Parameters parameters;
        parameters.add("w", std::span{w});
        using Masks = Masked<Rademacher, Bernoulli>;
        Cursor<Masks, TestType> cursor{parameters, Masks{Rademacher{}, Bernoulli{.keep = 1e-6}}, TestType{}, Reference{}, 1, 1, 1};
        const Term term{{1, 2, 3}, 0.5};
        Descend<PlainStep> move;
        move.rate = 0.1;
        move.weight_decay = decay;
        cursor.stand_at(term);
        cursor.update(move, std::span<const Term>{&term, 1});
        cursor.settle();
        CHECK(w[40] == -std::numeric_limits<float>::infinity());
        CHECK(std::isfinite(w[3]));
    }
}
