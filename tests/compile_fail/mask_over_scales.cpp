// A direction with a factor for each block is not masked; what is masked may be scaled.
// expect: cannot be masked: scale what is masked
#include <zeroth/directions/masked.hpp>
#include <zeroth/directions/sphere.hpp>

#if defined(ZEROTH_REFUSED)
using Raw = zeroth::Sphere;
#else
using Raw = zeroth::Gaussian;
#endif

int main() {
    [[maybe_unused]] const zeroth::Masked<Raw, zeroth::Bernoulli> direction{}; // refused here
}
