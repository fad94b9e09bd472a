/// x[i] += c z as it is written with the standard library: std::mt19937 and std::normal_distribution.

#include <increment.hpp>

#include <benchmark/benchmark.h>

#include <cstddef>
#include <random>

namespace {

void standard(benchmark::State& state) {
    constexpr std::size_t elements = std::size_t{1} << 24;
    const bench::Numbers<float> weights{elements, 0.02f};
    bench::Rounds rounds{state, bench::Increment<float>{weights.span()}, [&] {
                      std::mt19937 bits{1};
                      std::normal_distribution<float> normal;
                      for (float& weight : weights.span()) {
                          weight += 1e-6f * normal(bits);
                      }
                  }};
    rounds.report(state, elements);
    state.SetLabel("std::mt19937, std::normal_distribution");
}
BENCHMARK(standard)->Iterations(5)->UseManualTime()->Unit(benchmark::kMillisecond);

} // namespace
