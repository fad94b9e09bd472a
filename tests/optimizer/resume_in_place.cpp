// A run that is stopped at any step and resumed has the bits of one that was not, under InPlace.

#include "optimizer/resuming_methods.hpp"

#include <zeroth/estimators/hizoo_rge.hpp>
#include <zeroth/updates/hizoo_sgd.hpp>

using namespace resuming;

TEST_CASE("InPlace: a run of any rule goes on from any step with the same bits") { check_rules<InPlace>(); }

TEST_CASE("InPlace: a run along directions with a memory goes on from any step with the same bits") { check_directions<InPlace>(); }

TEST_CASE("InPlace: a run of any estimator goes on from any step with the same bits") { check_estimators<InPlace>(); }

TEST_CASE("InPlace: HiZOO's factors go on from any step with the same bits") {
    check_resumes<InPlace>("HizooSgd", HizooRge<>{.epsilon = 1e-3, .queries = 2},
                           HizooSgd{.learning_rate = 1e-2, .smoothing = 0.05, .weight_decay = 0.1});
}
