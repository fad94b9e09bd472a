/// A two-sided step over 10^5 to 10^9 parameters: it grows with them, and needs no memory beside them. The greatest takes 4 GB.

#include "step.hpp"

#include <zeroth/zeroth.hpp>

#include <benchmark/benchmark.h>
#include <report/memory.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace {

/// Peak memory is the process's, above what it had before the optimizer was made.
template <class Direction>
void scaling(benchmark::State& state) {
    const bench::Model<float> model{{{"weights", {static_cast<std::size_t>(state.range(0)), 1}}}};
    report::load_program();
    report::release_freed_memory();
    const std::size_t before = report::resident_bytes();
    report::ResidentPeak peak;
    bench::time_steps(state, model, zeroth::TwoSidedRge<Direction>{}, zeroth::Sgd{}, zeroth::Settings<>{}, 1);
    const std::size_t most = peak.bytes();
    state.counters["peak_bytes"] = most > before ? static_cast<double>(most - before) : 0.0;
}

/// Half a decade apart; as many steps as go over 2^28 parameters, but 3 at least and 999 at most.
template <class Direction>
void add_sizes(const char* name) {
    for (int half_decades = 10; half_decades <= 18; ++half_decades) {
        const auto size = static_cast<std::int64_t>(std::llround(std::pow(10.0, half_decades / 2.0)));
        benchmark::RegisterBenchmark(name, scaling<Direction>)
            ->ArgName("elements")
            ->Arg(size)
            ->Iterations(std::clamp<std::int64_t>((std::int64_t{1} << 28) / size, 3, 999))
            ->UseManualTime()
            ->Unit(benchmark::kMillisecond);
    }
}
[[maybe_unused]] const bool added = [] {
    add_sizes<zeroth::Gaussian>("scaling/gaussian");
    add_sizes<zeroth::Rademacher>("scaling/rademacher");
    return true;
}();

} // namespace
