#include "weights.hpp"

#include <zeroth/backends/reference.hpp>

namespace golden {

Answers weights_directions() {
    Answers out;
    const Reference reference;
    for (const Types types : {Types::mixed, Types::float32, Types::bfloat16}) {
        DirectionRuns<InPlace, Reference> in_place{out, types, reference};
        in_place.kinds();
        in_place.others();
        in_place.bit_masks();
        in_place.products();
    }
    for (const Types types : {Types::floats, Types::float32}) {
        DirectionRuns<Exact, Reference>{out, types, reference}.kinds();
    }
    for (const Types types : {Types::mixed, Types::float32}) {
        DirectionRuns<Snapshot, Reference>{out, types, reference}.kinds();
    }
    return out;
}

} // namespace golden
