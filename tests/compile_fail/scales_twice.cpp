// A direction that is scaled is not scaled again.
// expect: cannot be scaled again
#include <zeroth/directions/gaussian.hpp>
#include <zeroth/directions/scaled.hpp>
#include <zeroth/parameters/parameters.hpp>

#include <vector>

int main() {
    const zeroth::Parameters parameters;
    const std::vector<double> scales;
    const zeroth::Scaled<zeroth::Gaussian> once{zeroth::Gaussian{}, parameters, scales};
#if defined(ZEROTH_REFUSED)
    const zeroth::Scaled<zeroth::Scaled<zeroth::Gaussian>> twice{once, parameters, scales}; // refused here
#endif
    return once.scale_of({}) == 1 ? 0 : 1;
}
