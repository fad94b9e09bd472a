#pragma once

#include "weights.hpp"

#include <zeroth/backends/simd.hpp>

namespace {

/// On the widest registers that the translation unit is compiled for.
Answers floats_on_registers() {
    Answers out;
    const Simd<WidestArch, ScalarTypes<float>> backend;
    run_some<InPlace, Sgd, Adam>(out, Types::float32, backend);
    run_some<Exact, Sgd, Adam>(out, Types::float32, backend);
    run_some<Snapshot, Sgd, Adam>(out, Types::float32, backend);
    DirectionRuns<InPlace, Simd<WidestArch, ScalarTypes<float>>> directions{out, Types::float32, backend};
    directions.kinds();
    directions.others();
    directions.bit_masks();
    return out;
}

} // namespace
