#pragma once

/// One traversal w <- w + sum c z of the vectorised backend against the increment.

#include "increment.hpp"

#include <zeroth/backends/simd.hpp>
#include <zeroth/backends/threads.hpp>
#include <zeroth/parameters/parameters.hpp>

#include <benchmark/benchmark.h>
#include <prepared.hpp>

#include <cstdint>
#include <vector>

namespace bench {

/// The direction's own numbers, as its settings' defaults give them. The benchmark's arguments are the number of elements and of moves
/// (keys). A direction of one's own takes a line: BENCHMARK(displace<MyDirection, float>)->Apply(bench::cache_and_memory);
template <class Direction, class Storage, int Threads = 1>
void displace(benchmark::State& state) {
    const auto elements = static_cast<std::size_t>(state.range(0));
    const auto keys = static_cast<std::uint32_t>(state.range(1));
    const Numbers<Storage> weights{elements, Storage{1.0f}};
    zeroth::Parameters parameters;
    parameters.add("weights", weights.span());
    const zeroth::Threads<zeroth::Simd<zeroth::WidestArch, zeroth::ScalarTypes<Storage>>> backend{.threads = Threads};
    std::vector<zeroth::Key> all;
    for (std::uint32_t k = 0; k < keys; ++k) {
        all.push_back({1, 2, k});
    }
    const zeroth_test::Prepared prepared{Direction{}, parameters.blocks(), all, std::vector<double>(keys, 1e-6), backend};
    const auto traversal = prepared.traversal(zeroth::Displace{});
    Rounds rounds{state, Increment<Storage>{weights.span(), Threads}, [&] { backend.traverse(traversal); }};
    rounds.report(state, elements);
    state.counters["keys"] = static_cast<double>(keys);
    state.counters["threads"] = Threads;
    state.counters["bytes_element"] = sizeof(Storage);
    state.SetLabel(backend.name());
}

/// 2^18 floats stay in the second-level cache, 2^26 are 256 MB.
inline void cache_and_memory(benchmark::internal::Benchmark* benchmark) {
    benchmark->ArgNames({"elements", "moves"})->ArgsProduct({{1 << 18, 1 << 26}, {1}})->UseManualTime();
}

} // namespace bench
