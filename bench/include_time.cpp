/// The compiler's processor time to read the headers, against <vector> and <algorithm>, in turn with them.

#include "increment.hpp"

#include <benchmark/benchmark.h>

#include <sys/resource.h>

#include <cstdlib>
#include <string>

namespace {

/// User and system, of all children that have ended.
double childrens_seconds() {
    rusage used{};
    getrusage(RUSAGE_CHILDREN, &used);
    const auto seconds = [](const timeval& time) { return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec); };
    return seconds(used.ru_utime) + seconds(used.ru_stime);
}

/// Whether a source of these lines is right; it is checked, not compiled.
bool check(const std::string& lines) {
    const std::string compiler = ZEROTH_BENCH_COMPILER " " ZEROTH_BENCH_FLAGS " " ZEROTH_BENCH_INCLUDES " -x c++ -fsyntax-only -";
    return std::system(("printf '" + lines + "' | " + compiler).c_str()) == 0;
}

void include(benchmark::State& state, const std::string& header) {
    bool right = true;
    const auto seconds_of = [&right](const std::string& lines) {
        const double before = childrens_seconds();
        right = check(lines) && right;
        return childrens_seconds() - before;
    };
    bench::Rounds rounds{state, [&] { return seconds_of("#include <vector>\\n#include <algorithm>\\n"); },
                         [&] { return seconds_of("#include <" + header + ">\\n"); }};
    rounds.report(state, 1, 1, "standard");
    state.SetLabel(header);
    if (!right) {
        state.SkipWithError("the header does not compile");
    }
}

void few(benchmark::internal::Benchmark* benchmark) { benchmark->Iterations(5)->UseManualTime()->Unit(benchmark::kMillisecond); }

BENCHMARK_CAPTURE(include, zeroth, "zeroth/zeroth.hpp")->Apply(few);
BENCHMARK_CAPTURE(include, simd, "zeroth/backends/simd.hpp")->Apply(few);
BENCHMARK_CAPTURE(include, recommended, "zeroth/advice/recommended.hpp")->Apply(few);

[[maybe_unused]] const bool flags_described = [] {
    benchmark::AddCustomContext("flags", ZEROTH_BENCH_FLAGS);
    return true;
}();

} // namespace
