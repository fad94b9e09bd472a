/// Seconds that the compiler takes to read the headers, against <vector> and <algorithm>, in turn with them.

#include "increment.hpp"

#include <benchmark/benchmark.h>

#include <cstdlib>
#include <string>

namespace {

/// Whether a source of these lines is right; it is checked, not compiled.
bool check(const std::string& lines) {
    return std::system(("printf '" + lines + "' | " ZEROTH_BENCH_COMPILE " -x c++ -fsyntax-only -").c_str()) == 0;
}

void include(benchmark::State& state, const std::string& header) {
    bool right = true;
    const auto standard = [&] {
        return bench::seconds_of([&] { right = check("#include <vector>\\n#include <algorithm>\\n") && right; });
    };
    bench::Rounds rounds{state, standard, [&] { right = check("#include <" + header + ">\\n") && right; }};
    rounds.report(state, 1);
    if (!right) {
        state.SkipWithError("the header does not compile");
    }
}

void few(benchmark::internal::Benchmark* benchmark) { benchmark->Iterations(5)->UseManualTime()->Unit(benchmark::kMillisecond); }

BENCHMARK_CAPTURE(include, zeroth, "zeroth/zeroth.hpp")->Apply(few);
BENCHMARK_CAPTURE(include, simd, "zeroth/backends/simd.hpp")->Apply(few);
BENCHMARK_CAPTURE(include, recommended, "zeroth/recommended.hpp")->Apply(few);

} // namespace
