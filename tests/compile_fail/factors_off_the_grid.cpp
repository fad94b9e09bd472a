// Factors leave Exact's grid.
// expect: restore in place or by Snapshot
#include <zeroth/directions/preconditioned.hpp>
#include <zeroth/zeroth.hpp>

#if defined(ZEROTH_REFUSED)
using Restore = zeroth::Exact;
#else
using Restore = zeroth::Snapshot;
#endif

void train(const zeroth::Parameters& parameters) {
    zeroth::Cursor<zeroth::Preconditioned<>, Restore> cursor{parameters, {}, {}, {}, 1.0, 1}; // refused here
    cursor.stand_at(zeroth::Term{});
}
