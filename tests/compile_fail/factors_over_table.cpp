// Factors are for directions of random words alone.
// expect: can be preconditioned
#include <zeroth/directions/preconditioned.hpp>
#include <zeroth/directions/reuse_pool.hpp>

#if defined(ZEROTH_REFUSED)
using Raw = zeroth::ReusePool;
#else
using Raw = zeroth::Gaussian;
#endif

int main() {
    [[maybe_unused]] const zeroth::Preconditioned<Raw> direction{}; // refused here
}
