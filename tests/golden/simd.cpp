#include "backends.hpp"
#include "weights.hpp"
#if !defined(__x86_64__)
#include "instruction_set.hpp"
#endif

#include <zeroth/backends/simd.hpp>
#include <zeroth/backends/threads.hpp>

golden::Answers golden::simd() {
    Answers out;
    const Simd<> backend;
    run_some<InPlace, Sgd, Adam>(out, Types::mixed, backend);
    run_some<Exact, Sgd>(out, Types::floats, Simd<WidestArch, ScalarTypes<float, double>>{});
    run_some<Snapshot, Sgd>(out, Types::mixed, backend);
#if !defined(__x86_64__) // where each instruction set has a file of its own
    const Answers floats = floats_on_registers();
    out.insert(out.end(), floats.begin(), floats.end());
#endif
    return out;
}

golden::Answers golden::threads() {
    Answers out;
    // So few weights would else be left to one thread.
    const Threads<Simd<WidestArch, ScalarTypes<float>>> backend{.threads = 3, .min_elements = 1};
    run_moves<InPlace>(out, Types::float32, backend);
    run_hizoo<InPlace>(out, Types::float32, backend);
    return out;
}
