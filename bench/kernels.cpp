/// One traversal w <- w + sum c z: direction x type x keys x size x threads. A Direction of your own: own_direction.cpp.

#include "displace.hpp"

#include <zeroth/directions/mixed_pool.hpp>
#include <zeroth/directions/reuse_pool.hpp>
#include <zeroth/zeroth.hpp>

#include <benchmark/benchmark.h>

#include <cstdint>

namespace {

using bench::displace;

/// 2^18 floats stay in the second-level cache, 2^26 are 256 MB.
void sizes(benchmark::internal::Benchmark* benchmark) {
    benchmark->ArgNames({"elements", "moves"})->UseManualTime();
    for (const std::int64_t elements : {std::int64_t{1} << 18, std::int64_t{1} << 26}) {
        for (const std::int64_t moves : {1, 2, 8}) {
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

} // namespace
