#include "backends.hpp"
#include "cuda/launched_on_host.hpp"
#include "weights.hpp"

using zeroth_test::LaunchedOnHost;

golden::Answers golden::device() {
    Answers out;
    const LaunchedOnHost<float> floats;
    run_moves<InPlace>(out, Types::float32, floats);
    run_hizoo<InPlace>(out, Types::float32, floats);
    run_some<Exact, Sgd, Adam>(out, Types::float32, floats);
    run_some<Snapshot, Sgd, Adam>(out, Types::float32, floats);
    DirectionRuns<InPlace, LaunchedOnHost<float>> directions{out, Types::float32, floats};
    directions.kinds();
    directions.others();
    run_some<InPlace, Sgd>(out, Types::float64, LaunchedOnHost<double>{});
    run_some<InPlace, Sgd, Adam>(out, Types::bfloat16, LaunchedOnHost<bfloat16>{});
    run_some<InPlace, Sgd>(out, Types::float16, LaunchedOnHost<float16>{});
    return out;
}
