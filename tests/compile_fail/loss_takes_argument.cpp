// A loss is called without arguments: the batch is captured.
// expect: ForwardFn.*the loss takes no argument and returns a number
#include <zeroth/zeroth.hpp>

#include <span>
#include <vector>

int main() {
    std::vector<float> weights(8);
    zeroth::Parameters parameters;
    parameters.add("weights", std::span{weights});
    zeroth::Optimizer optimizer{parameters, zeroth::TwoSidedRge{}, zeroth::Sgd{}};
    const int batch = 3;
#if defined(ZEROTH_REFUSED)
    optimizer.step([](int of) { return 0.5 * of; }); // refused here
    static_cast<void>(batch);
#else
    optimizer.step([&] { return 0.5 * batch; });
#endif
}
