// A direction has one factor for each block.
// expect: cannot be scaled again
#include <zeroth/directions/gaussian.hpp>
#include <zeroth/directions/scaled.hpp>
#include <zeroth/directions/sphere.hpp>
#include <zeroth/parameters/parameters.hpp>

#include <vector>

#if defined(ZEROTH_REFUSED)
using Raw = zeroth::Sphere;
#else
using Raw = zeroth::Gaussian;
#endif

int main() {
    const zeroth::Parameters parameters;
    const zeroth::Scaled<Raw> direction{Raw{}, parameters, std::vector<double>{}}; // refused here
    return direction.scale_of({}) == 1 ? 0 : 1;
}
