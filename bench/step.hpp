#pragma once

/// Whole steps of an Optimizer with an empty forward pass, against the increment. To be included by one file of a program: it counts
/// allocations by replacing operator new.

#include "increment.hpp"
#include "opt_125m.hpp"

#include <zeroth/backends/simd.hpp>
#include <zeroth/zeroth.hpp>

#include <allocations.hpp>
#include <benchmark/benchmark.h>

#include <cstddef>

namespace bench {

/// Steps over a model; counters as Rounds gives them, of a whole step, and besides: forward_passes and traversals of a step, state_bytes a
/// parameter, and allocations in the steps that were timed, which must be 0.
template <class Storage, class Estimator, class Rule, class Restore>
void time_steps(benchmark::State& state, const Model<Storage>& model, const Estimator& estimator, const Rule& rule,
                const zeroth::Settings<Restore>& settings, int threads) {
    using Backend = zeroth::Threads<zeroth::Simd<zeroth::WidestArch, zeroth::ScalarTypes<Storage>>>;
    zeroth::Optimizer optimizer{model.parameters(), estimator, rule, settings, Backend{.threads = threads}};
    // Losses that differ, and are finite whatever becomes of the weights.
    int calls = 0;
    const auto forward = [&calls] { return 1 + 1e-6 * (++calls % 7); };
    optimizer.step(forward); // measures the weights' scale, and meets the rule's memory for the first time
    zeroth::StepReport report;
    std::size_t allocated = 0;
    Rounds rounds{state, Increment<Storage>{model.weights(), threads}, [&] {
                      const std::size_t before = allocations;
                      report = optimizer.step(forward);
                      allocated += allocations - before;
                  }};
    const std::size_t size = model.parameters().size();
    rounds.report(state, size);
    state.counters["forward_passes"] = static_cast<double>(report.forward_passes);
    state.counters["traversals"] = static_cast<double>(report.traversals);
    state.counters["state_bytes"] = static_cast<double>(optimizer.state_bytes()) / static_cast<double>(size);
    state.counters["allocations"] = static_cast<double>(allocated);
    state.counters["threads"] = threads;
    state.SetLabel(optimizer.backend().data());
    if (report.reason != zeroth::Reason::updated) {
        state.SkipWithError("a step made no update");
    }
}

/// Steps over OPT-125M's 125 million parameters. A method of one's own takes a line:
/// BENCHMARK_CAPTURE(step, my_method, MyEstimator{}, MyRule{})->Apply(bench::few_steps);
template <class Storage = float, class Estimator, class Rule, class Restore = zeroth::InPlace>
void step(benchmark::State& state, const Estimator& estimator, const Rule& rule, const zeroth::Settings<Restore>& settings = {},
          int threads = 1) {
    time_steps(state, opt_125m_model<Storage>(), estimator, rule, settings, threads);
}

inline void few_steps(benchmark::internal::Benchmark* benchmark) {
    benchmark->Iterations(9)->UseManualTime()->Unit(benchmark::kMillisecond);
}

} // namespace bench
