// The order is that of the data: estimates, then the rule.
// expect: the estimator comes first, then the rule
// at most 9 lines
#include <zeroth/zeroth.hpp>

#include <span>
#include <vector>

int main() {
    std::vector<float> weights(8);
    zeroth::Parameters parameters;
    parameters.add("weights", std::span{weights});
#if defined(ZEROTH_REFUSED)
    zeroth::Optimizer optimizer{parameters, zeroth::Sgd{}, zeroth::TwoSidedRge{}}; // refused here
#else
    zeroth::Optimizer optimizer{parameters, zeroth::TwoSidedRge{}, zeroth::Sgd{}};
#endif
    optimizer.step([] { return 0.5; });
}
