/// One traversal w <- w + sum c z: direction x type x keys x size x threads. A Direction of your own: own_direction.cpp.

#include "displace.hpp"

#include <zeroth/directions/masked.hpp>
#include <zeroth/directions/mixed_pool.hpp>
#include <zeroth/directions/reuse_pool.hpp>
#include <zeroth/directions/bit_masks.hpp>
#include <zeroth/zeroth.hpp>

#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstdint>
#include <random>
#include <span>
#include <string>
#include <vector>

namespace {

using bench::displace;

/// 10,000 tensors of 100 floats: x_one is the time as a multiple of that of one tensor of a million.
template <class Direction>
void displace_small(benchmark::State& state) {
    constexpr std::size_t tensors = 10'000, size = 100;
    std::vector<float> weights(tensors * size, 1.0f);
    zeroth::Parameters one, many;
    one.add("weights", std::span{weights});
    for (std::size_t t = 0; t < tensors; ++t) {
        many.add("weights" + std::to_string(t), std::span{weights}.subspan(t * size, size));
    }
    const zeroth::Simd<> backend;
    const std::vector<zeroth::Key> key{{1, 2, 0}};
    const zeroth_test::Prepared of_one{Direction{}, one.blocks(), key, {1e-6}, backend}, of_many{Direction{}, many.blocks(), key, {1e-6}, backend};
    const auto in_one = of_one.traversal(zeroth::Displace{}), in_many = of_many.traversal(zeroth::Displace{});
    bench::Rounds rounds{state, [&] { return bench::seconds_of([&] { backend.traverse(in_one); }); }, [&] { backend.traverse(in_many); }};
    rounds.report(state, weights.size(), 1, "one");
    state.SetLabel(backend.name());
}

/// Where the base moves: x_nearest is the time as a multiple of the same traversal's that rounds to nearest.
template <class Direction>
void move_base(benchmark::State& state) {
    const auto n = static_cast<std::size_t>(state.range(0));
    std::vector<zeroth::bfloat16> weights(n, zeroth::bfloat16{1.0f});
    zeroth::Parameters parameters;
    parameters.add("weights", std::span{weights});
    const zeroth::Simd<> backend;
    const zeroth::Key key{1, 2, 0};
    const zeroth_test::Prepared prepared{Direction{}, parameters.blocks(), std::vector<zeroth::Key>{key}, {1e-6}, backend};
    const auto nearest = prepared.traversal(zeroth::Displace{});
    const auto stochastic = prepared.traversal(zeroth::DisplaceBase{key});
    bench::Rounds rounds{state, [&] { return bench::seconds_of([&] { backend.traverse(nearest); }); }, [&] { backend.traverse(stochastic); }};
    rounds.report(state, n, 1, "nearest");
    state.SetLabel(backend.name());
}

/// 2^26 floats under a mask that keeps so many in a million, strewn at random.
template <class Direction>
void displace_masked(benchmark::State& state) {
    constexpr std::size_t n = std::size_t{1} << 26;
    const bench::Numbers<float> weights{n, 1.0f};
    zeroth::Parameters parameters;
    parameters.add("weights", weights.span());
    zeroth::BitMasks bits{parameters};
    std::mt19937_64 engine{1};
    std::geometric_distribution<std::size_t> gap{1e-6 * static_cast<double>(state.range(0))};
    for (std::size_t i = gap(engine); i < n; i += 1 + gap(engine)) {
        bits.set(0, i);
    }
    const zeroth::Masked direction{Direction{}, bits.mask()};
    const zeroth::Simd<zeroth::WidestArch, zeroth::ScalarTypes<float>> backend;
    const zeroth_test::Prepared prepared{direction, parameters.blocks(), std::vector<zeroth::Key>{{1, 2, 0}}, {1e-6}, backend};
    const auto traversal = prepared.traversal(zeroth::Displace{});
    bench::Rounds rounds{state, bench::Increment<float>{weights.span()}, [&] { backend.traverse(traversal); }};
    rounds.report(state, n);
    state.SetLabel(backend.name());
}

/// 2^18 floats stay in the second-level cache, 2^26 are 256 MB.
void sizes(benchmark::internal::Benchmark* benchmark) {
    benchmark->ArgNames({"elements", "moves"})->UseManualTime();
    for (const std::int64_t elements : {std::int64_t{1} << 18, std::int64_t{1} << 26}) {
        for (const std::int64_t moves : {1, 2, 4, 8, 16}) {
            benchmark->Args({elements, moves});
        }
    }
}

BENCHMARK(displace<zeroth::Gaussian, float>)->Apply(sizes);
BENCHMARK(displace<zeroth::Rademacher, float>)->Apply(sizes);
BENCHMARK(displace<zeroth::Uniform, float>)->Apply(sizes);
BENCHMARK(displace<zeroth::ReusePool, float>)->Apply(sizes);
BENCHMARK(displace<zeroth::MixedPool, float>)->Apply(sizes);
BENCHMARK(displace<zeroth::Gaussian, zeroth::bfloat16>)->Apply(sizes);
BENCHMARK(displace<zeroth::Rademacher, zeroth::bfloat16>)->Apply(sizes);
BENCHMARK(displace<zeroth::MixedPool, zeroth::bfloat16>)->Apply(sizes);
BENCHMARK(displace<zeroth::Gaussian, zeroth::float16>)->Apply(bench::cache_and_memory);
BENCHMARK(displace<zeroth::Rademacher, zeroth::float16>)->Apply(bench::cache_and_memory);
BENCHMARK(displace<zeroth::Gaussian, double>)->Apply(bench::cache_and_memory);
BENCHMARK(displace<zeroth::Rademacher, double>)->Apply(bench::cache_and_memory);
BENCHMARK(displace<zeroth::Gaussian, float, 2>)->Apply(bench::cache_and_memory);
BENCHMARK(displace<zeroth::Rademacher, float, 2>)->Apply(bench::cache_and_memory);
BENCHMARK(displace<zeroth::MixedPool, float, 2>)->Apply(bench::cache_and_memory);
BENCHMARK(displace_small<zeroth::Gaussian>)->UseManualTime();
BENCHMARK(displace_small<zeroth::Rademacher>)->UseManualTime();
BENCHMARK(displace_masked<zeroth::Gaussian>)->ArgName("per_million")->RangeMultiplier(10)->Range(100, 100'000)->UseManualTime();
BENCHMARK(displace_masked<zeroth::Rademacher>)->ArgName("per_million")->RangeMultiplier(10)->Range(100, 100'000)->UseManualTime();
BENCHMARK(move_base<zeroth::Gaussian>)->ArgName("elements")->Arg(std::int64_t{1} << 26)->UseManualTime();
BENCHMARK(move_base<zeroth::Rademacher>)->ArgName("elements")->Arg(std::int64_t{1} << 26)->UseManualTime();

} // namespace
