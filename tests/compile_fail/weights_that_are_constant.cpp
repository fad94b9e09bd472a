// Weights are moved: they cannot be const.
// expect: NotAScalar.*weights are float, double or 16-bit, not const
#include <zeroth/zeroth.hpp>

#include <span>
#include <vector>

int main() {
#if defined(ZEROTH_REFUSED)
    const std::vector<float> weights(8);
#else
    std::vector<float> weights(8);
#endif
    zeroth::Parameters parameters;
    parameters.add("weights", std::span{weights}); // refused here
}
