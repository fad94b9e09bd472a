/// A method that is chosen by name beside the same one made of types: the traversals of a step over 2^25 floats from memory, by turns. `ratio` is
/// that of the medians.

#include <zeroth/any/any_optimizer.hpp>
#include <zeroth/backends/simd.hpp>
#include <zeroth/directions/low_rank.hpp>
#include <zeroth/directions/mixed_pool.hpp>
#include <zeroth/directions/reuse_pool.hpp>
#include <zeroth/directions/sphere.hpp>
#include <zeroth/zeroth.hpp>

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace {

using Typed = zeroth::Simd<zeroth::WidestArch, zeroth::ScalarTypes<float>>;

double median(std::vector<double>& times) {
    std::ranges::nth_element(times, times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2));
    return times[times.size() / 2];
}

template <class Direction, class Rule>
void chosen_by_name(benchmark::State& state, const Direction& direction, const Rule& rule, const std::string& method) {
    constexpr std::size_t size = std::size_t{1} << 25;
    std::vector<float> weights(size, 0.01f);
    zeroth::Parameters parameters;
    parameters.add("weights", std::span{weights}, {.rows = 8192, .columns = 4096});
    zeroth::Optimizer typed{parameters, zeroth::TwoSidedRge{.direction = direction}, rule, zeroth::Settings<>{}, Typed{}};
    zeroth::AnyOptimizer any{parameters, zeroth::Method::from(method), {.threads = 1}};
    int calls = 0;
    const auto loss = [&] { return 1 + 1e-3 * (++calls % 2); };
    typed.step(loss);
    any.step(loss);
    std::vector<double> of_typed;
    std::vector<double> of_any;
    for (auto _ : state) {
        of_typed.push_back(typed.step(loss).seconds_in_traversals);
        of_any.push_back(any.step(loss).seconds_in_traversals);
        state.SetIterationTime(of_typed.back() + of_any.back());
    }
    constexpr double each = 1e9 / (3.0 * size);
    const double ns = median(of_any) * each;
    state.counters["ns"] = ns;
    state.counters["typed_ns"] = median(of_typed) * each;
    state.counters["ratio"] = median(of_any) / median(of_typed);
}

void by_turns(benchmark::internal::Benchmark* of) { of->UseManualTime()->Unit(benchmark::kMillisecond)->Iterations(25); }

using zeroth::Sgd;

BENCHMARK_CAPTURE(chosen_by_name, gaussian, zeroth::Gaussian{}, Sgd{}, "direction=gaussian")->Apply(by_turns);
BENCHMARK_CAPTURE(chosen_by_name, rademacher, zeroth::Rademacher{}, Sgd{}, "direction=rademacher")->Apply(by_turns);
BENCHMARK_CAPTURE(chosen_by_name, uniform, zeroth::Uniform{}, Sgd{}, "direction=uniform")->Apply(by_turns);
BENCHMARK_CAPTURE(chosen_by_name, sphere, zeroth::Sphere{}, Sgd{}, "direction=sphere")->Apply(by_turns);
BENCHMARK_CAPTURE(chosen_by_name, pool, zeroth::ReusePool{}, Sgd{}, "direction=pool")->Apply(by_turns);
BENCHMARK_CAPTURE(chosen_by_name, mixed_pool, zeroth::MixedPool{}, Sgd{}, "direction=mixed-pool")->Apply(by_turns);
BENCHMARK_CAPTURE(chosen_by_name, low_rank, zeroth::LowRank<2>{}, Sgd{}, "direction=low-rank")->Apply(by_turns);
BENCHMARK_CAPTURE(chosen_by_name, gaussian_sign, zeroth::Gaussian{}, zeroth::SignSgd{}, "direction=gaussian update=sign")->Apply(by_turns);
BENCHMARK_CAPTURE(chosen_by_name, gaussian_momentum, zeroth::Gaussian{}, zeroth::Momentum{}, "direction=gaussian update=momentum")->Apply(by_turns);
BENCHMARK_CAPTURE(chosen_by_name, gaussian_adam, zeroth::Gaussian{}, zeroth::Adam{}, "direction=gaussian update=adam")->Apply(by_turns);
BENCHMARK_CAPTURE(chosen_by_name, rademacher_adam, zeroth::Rademacher{}, zeroth::Adam{}, "direction=rademacher update=adam")->Apply(by_turns);

} // namespace
