// A loss must be returned.
// expect: ForwardFn.*the loss takes no argument and returns a number
#include <zeroth/zeroth.hpp>

#include <span>
#include <vector>

int main() {
    std::vector<float> weights(8);
    zeroth::Parameters parameters;
    parameters.add("weights", std::span{weights});
    zeroth::Optimizer optimizer{parameters, zeroth::TwoSidedRge{}, zeroth::Sgd{}};
#if defined(ZEROTH_REFUSED)
    optimizer.step([] {}); // refused here
#else
    optimizer.step([] { return 0.5f; });
#endif
}
