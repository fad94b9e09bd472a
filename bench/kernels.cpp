/// One traversal w <- w + sum c z of the vectorised backend, beside the yardstick of the same run: the in-place increment x += c.
/// Counters: bytes a second read and written, and x_increment, the time as a multiple of the increment's of that size and type.
/// A Direction of your own is measured by adding a line to the list at the end.

#include <zeroth/backends/simd.hpp>
#include <zeroth/directions/mixed_pool.hpp>
#include <zeroth/directions/reuse_pool.hpp>
#include <zeroth/zeroth.hpp>

#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

/// Median seconds of an in-place increment of n floats, measured once for each size.
double increment_seconds(std::size_t n) {
    static std::map<std::size_t, double> known;
    double& median = known[n];
    if (median == 0) {
        std::vector<float> x(n, 1.0f);
        const std::size_t repeats = 1 + (std::size_t{1} << 22) / n;
        std::vector<double> rounds;
        for (int round = 0; round < 9; ++round) {
            const auto start = Clock::now();
            for (std::size_t r = 0; r < repeats; ++r) {
                for (float& value : x) {
                    value += 1e-6f;
                }
                benchmark::ClobberMemory();
            }
            rounds.push_back(seconds_since(start) / static_cast<double>(repeats));
        }
        std::sort(rounds.begin(), rounds.end());
        median = rounds[rounds.size() / 2];
    }
    return median;
}

template <class Direction, class Storage>
void displace(benchmark::State& state) {
    const auto n = static_cast<std::size_t>(state.range(0));
    const double increment = increment_seconds(n);
    std::vector<Storage> weights(n, Storage{1.0f});
    zeroth::Parameters parameters;
    parameters.add("weights", std::span{weights});
    std::vector<zeroth::Move<1>> moves;
    moves.reserve(static_cast<std::size_t>(state.range(1)));
    for (std::uint32_t k = 0; k < static_cast<std::uint32_t>(state.range(1)); ++k) {
        moves.push_back({zeroth::Key{1, 2, k}, {1e-6}});
    }
    Direction direction{};
    if constexpr (zeroth::FormedDirection<Direction, std::span<const zeroth::Block>>) {
        direction.reserve(parameters.blocks(), moves.size());
        for (const zeroth::Move<1>& move : moves) {
            direction.form(move.key);
        }
    }
    const zeroth::Simd<> backend;
    double seconds = 0;
    for (auto _ : state) {
        const auto start = Clock::now();
        backend.traverse(parameters.blocks(), direction, std::span<const zeroth::Move<1>>{moves}, zeroth::Displace{});
        const double elapsed = seconds_since(start);
        state.SetIterationTime(elapsed);
        seconds += elapsed;
    }
    const double each = seconds / static_cast<double>(state.iterations());
    state.SetBytesProcessed(static_cast<std::int64_t>(2 * n * sizeof(Storage)) * static_cast<std::int64_t>(state.iterations()));
    state.counters["ns_element"] = 1e9 * each / static_cast<double>(n);
    state.counters["x_increment"] = each / increment;
    state.SetLabel(backend.name());
}

/// 2^18 floats stay in the second-level cache, 2^26 are 256 MB.
void sizes(benchmark::internal::Benchmark* benchmark) {
    benchmark->ArgNames({"elements", "moves"})->UseManualTime();
    for (const std::int64_t elements : {std::int64_t{1} << 18, std::int64_t{1} << 26}) {
        for (const std::int64_t moves : {1, 2}) {
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

} // namespace
