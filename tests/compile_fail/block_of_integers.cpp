// Weights of a type that is not a scalar of the library's.
// expect: NotAScalar.*weights are float, double or 16-bit, not const

#include <zeroth/zeroth.hpp>

#include <span>
#include <vector>

int main() {
    std::vector<float> w(10, 1.0f);
    std::vector<int> counts(10, 1);
    zeroth::Parameters parameters;
    parameters.add("w", std::span{w});
#ifdef ZEROTH_REFUSED
    parameters.add("counts", std::span{counts}); // refused here
#endif
}
