/// x[i] += c z with Random123's Philox4x32-10 and its Box-Muller transform, four numbers at a time.

#include <increment.hpp>

#include <Random123/boxmuller.hpp>
#include <Random123/philox.h>
#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstdint>

namespace {

void random123(benchmark::State& state) {
    constexpr std::size_t elements = std::size_t{1} << 24;
    const bench::Numbers<float> weights{elements, 0.02f};
    float* const w = weights.span().data();
    bench::Rounds rounds{state, bench::Increment<float>{weights.span()}, [&] {
                      const r123::Philox4x32 philox;
                      const r123::Philox4x32::key_type key = {{1, 2}};
                      for (std::size_t i = 0; i < elements; i += 4) {
                          const r123::Philox4x32::ctr_type counter = {{static_cast<std::uint32_t>(i / 4), 0, 0, 0}};
                          const r123::Philox4x32::ctr_type words = philox(counter, key);
                          const r123::float2 first = r123::boxmuller(words[0], words[1]);
                          const r123::float2 second = r123::boxmuller(words[2], words[3]);
                          w[i] += 1e-6f * first.x;
                          w[i + 1] += 1e-6f * first.y;
                          w[i + 2] += 1e-6f * second.x;
                          w[i + 3] += 1e-6f * second.y;
                      }
                  }};
    rounds.report(state, elements);
    state.SetLabel("Random123 Philox4x32-10, Box-Muller, scalar");
}
BENCHMARK(random123)->Iterations(5)->UseManualTime()->Unit(benchmark::kMillisecond);

} // namespace
