// HiZOO's rule goes with its estimator.
// expect: the rule needs an estimator that measures curvature
#include <zeroth/estimators/hizoo_rge.hpp>
#include <zeroth/updates/hizoo_sgd.hpp>
#include <zeroth/zeroth.hpp>

void train(const zeroth::Parameters& parameters) {
#if defined(ZEROTH_REFUSED)
    zeroth::Optimizer optimizer{parameters, zeroth::TwoSidedRge{}, zeroth::HizooSgd{}}; // refused here
#else
    zeroth::Optimizer optimizer{parameters, zeroth::HizooRge<>{}, zeroth::HizooSgd{}};
#endif
    optimizer.step([] { return 0.5; });
}
