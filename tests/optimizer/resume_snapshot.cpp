// A run that is stopped at any step and resumed has the bits of one that was not, under Snapshot.

#include "optimizer/resuming_methods.hpp"

#include <zeroth/estimators/hizoo_rge.hpp>
#include <zeroth/updates/hizoo_sgd.hpp>

using namespace resuming;

TEST_CASE("Snapshot: a run of any rule goes on from any step with the same bits") { check_rules<Snapshot>(); }

TEST_CASE("Snapshot: a run along directions with a memory goes on from any step with the same bits") { check_directions<Snapshot>(); }

TEST_CASE("Snapshot: a run of any estimator goes on from any step with the same bits") { check_estimators<Snapshot>(); }

TEST_CASE("Snapshot: HiZOO's factors go on from any step with the same bits") {
    check_resumes<Snapshot>("HizooSgd", HizooRge<Preconditioned<Uniform>>{.epsilon = 1e-3, .queries = 2},
                            HizooSgd{.learning_rate = 1e-2, .smoothing = 0.05, .weight_decay = 0.1});
}

TEST_CASE("Snapshot: a run of 16-bit weights goes on from any step with the same bits") {
    const TwoSidedRge estimator{.epsilon = 1e-2, .queries = 2};
    check_resumes<Snapshot, bfloat16>("bfloat16", estimator, Momentum{.learning_rate = 1e-3, .weight_decay = 0.1});
    check_resumes<Snapshot, float16>("float16", estimator, Adam{.learning_rate = 1e-3});
}
