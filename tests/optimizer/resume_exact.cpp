// A run that is stopped at any step and resumed has the bits of one that was not, under Exact.

#include "optimizer/resuming_methods.hpp"

using namespace resuming;

TEST_CASE("Exact: a run of any rule goes on from any step with the same bits") { check_rules<Exact>(); }

TEST_CASE("Exact: a run along directions with a memory goes on from any step with the same bits") { check_directions<Exact>(); }

TEST_CASE("Exact: a run of any estimator goes on from any step with the same bits") { check_estimators<Exact>(); }

TEST_CASE("Exact: a run of doubles goes on from any step with the same bits") {
    check_resumes<Exact, double>("double", TwoSidedRge{.epsilon = 1e-3}, Adam{.learning_rate = 1e-3, .weight_decay = 0.1});
}

namespace {

/// Where laying the grid anew would lay another: the quanta of a state's run, those that it goes on with, and those of a new run.
template <class Rule>
void check_grid(const Rule& rule, const Model<>& start, double least, double most) {
    const TwoSidedRge estimator{.epsilon = 1e-5};
    const Settings<Exact> settings{.seed = 7, .restore = {}};
    using zeroth_test::ReferenceOf;
    Model model = start;
    Optimizer optimizer{model.parameters(), estimator, rule, settings, ReferenceOf<float>{}};
    for (int step = 0; step < 40; ++step) {
        optimizer.step([&] { return model.loss(); });
    }
    const Bytes state = saved(optimizer);
    Model again{model.weights};
    const Optimizer resumed{again.parameters(), estimator, rule, settings, ReferenceOf<float>{}, Resume{from(state)}};
    Model anew{model.weights};
    const Optimizer fresh{anew.parameters(), estimator, rule, settings, ReferenceOf<float>{}};
    const auto quanta = [](const auto& of) { return std::vector<double>(of.cursor().quanta().begin(), of.cursor().quanta().end()); };
    CHECK(quanta(resumed) == quanta(optimizer));
    CHECK(resumed.cursor().grids() == optimizer.cursor().grids());
    const double ratio = quanta(fresh)[0] / quanta(optimizer)[0];
    CHECK(ratio >= least);
    CHECK(ratio <= most);
    CHECK(same_bits(again.weights, model.weights));
}

} // namespace

TEST_CASE("Exact: a run whose weights shrank keeps its grid, and one whose weights grew lays the next where it would have") {
    Model large;
    for (float& x : large.weights) {
        x *= 100;
    }
    large.target = 0;
    const Sgd shrinking{.learning_rate = 1e-6, .weight_decay = 2e5};
    check_grid(shrinking, large, 0, 0x1p-8);
    check_resumes<Exact>("shrinking", TwoSidedRge{.epsilon = 1e-5}, shrinking, {}, zeroth_test::ReferenceOf<float>{}, large);
    Model small;
    for (float& x : small.weights) {
        x *= 0.01f;
    }
    small.target = 50;
    const SignSgd growing{.learning_rate = 0.02};
    check_grid(growing, small, 1, 4);
    check_resumes<Exact>("growing", TwoSidedRge{.epsilon = 1e-5}, growing, {}, zeroth_test::ReferenceOf<float>{}, small);
    // Outgrown by one update, so that a stop falls between it and the next grid.
    check_resumes<Exact>("bursting", TwoSidedRge{.epsilon = 1e-5},
                         SignSgd{.learning_rate = Schedule{[](std::uint64_t step) { return step % 5 == 3 ? 0.3 * static_cast<double>(step) : 1e-4; }}}, {},
                         zeroth_test::ReferenceOf<float>{}, small);
}
