// One mask at a time.
// expect: one mask at a time
#include <zeroth/directions/masked.hpp>
#include <zeroth/directions/rademacher.hpp>

using Once = zeroth::Masked<zeroth::Rademacher, zeroth::Bernoulli>;
#if defined(ZEROTH_REFUSED)
using Direction = zeroth::Masked<Once, zeroth::Bernoulli>;
#else
using Direction = Once;
#endif

int main() {
    [[maybe_unused]] const Direction direction{}; // refused here
}
