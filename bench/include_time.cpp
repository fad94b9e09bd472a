/// Seconds that the compiler takes to read the headers, against <vector> and <algorithm>, in turn with them.

#include "increment.hpp"

#include <benchmark/benchmark.h>

#include <cstdlib>
#include <string>

namespace {

/// Seconds of a source of these lines, checked but not compiled.
double compile(const std::string& lines) {
    const std::string command = "printf '" + lines + "' | " ZEROTH_BENCH_COMPILE " -x c++ -fsyntax-only -";
    int status = 0;
    const double seconds = bench::seconds_of([&] { status = std::system(command.c_str()); });
    return status == 0 ? seconds : -1;
}

void include(benchmark::State& state, const std::string& header) {
    bench::Rounds rounds{state};
    for (auto _ : state) {
        const double beside = compile("#include <vector>\\n#include <algorithm>\\n");
        const double seconds = compile("#include <" + header + ">\\n");
        if (beside < 0 || seconds < 0) {
            state.SkipWithError("the header does not compile");
            return;
        }
        rounds.add(state, beside, seconds);
    }
    rounds.report(state, 1);
}

void few(benchmark::internal::Benchmark* benchmark) { benchmark->Iterations(5)->UseManualTime()->Unit(benchmark::kMillisecond); }

BENCHMARK_CAPTURE(include, zeroth, "zeroth/zeroth.hpp")->Apply(few);
BENCHMARK_CAPTURE(include, simd, "zeroth/backends/simd.hpp")->Apply(few);
BENCHMARK_CAPTURE(include, recommended, "zeroth/recommended.hpp")->Apply(few);

} // namespace
