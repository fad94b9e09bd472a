/// Steps of ensmallen's SPSA, and of the same method here: two-sided, signs, doubles, an empty objective.

#include <step.hpp>

#include <zeroth/zeroth.hpp>

#include <armadillo>
#include <benchmark/benchmark.h>
#include <ensmallen.hpp>

#include <cstddef>

namespace {

constexpr std::size_t elements = std::size_t{1} << 24;

/// Values that differ.
struct Empty {
    double Evaluate(const arma::mat&) { return 1 + 1e-6 * (++calls % 7); }
    int calls = 0;
};

void ensmallen_spsa(benchmark::State& state) {
    const bench::Numbers<double> weights{elements, 0.02};
    // Armadillo works in the same memory.
    arma::mat iterate{weights.span().data(), elements, 1, false, true};
    Empty objective;
    // Several steps, so that the memory it takes for a run counts little.
    constexpr std::size_t steps = 8;
    bench::Rounds rounds{state, bench::Increment<double>{weights.span()}, [&] {
                      // alpha, gamma, step size, evaluation step size, iterations, tolerance
                      ens::SPSA spsa{0.602, 0.101, 1e-6, 1e-3, steps, 0};
                      spsa.Optimize(objective, iterate);
                  }};
    rounds.report(state, elements, steps);
    state.SetLabel("ensmallen SPSA, a step");
}

void zeroth_spsa(benchmark::State& state) {
    const bench::Model<double> model{{{"weights", {elements, 1}}}};
    bench::time_steps(state, model, zeroth::TwoSidedRge<zeroth::Rademacher>{}, zeroth::Sgd{}, zeroth::Settings<>{}, 1);
}

BENCHMARK(ensmallen_spsa)->Apply(bench::few_steps);
BENCHMARK(zeroth_spsa)->Apply(bench::few_steps);

} // namespace
