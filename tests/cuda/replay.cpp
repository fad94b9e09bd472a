// The example cuda_finetune's runs, by a device's threads on the host.

#include "cuda/launched_on_host.hpp"

#include <cuda_finetune/descent.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

using namespace zeroth_test;

namespace {

using Weights = std::vector<bfloat16>;

/// Two tensors; the second begins at no multiple of 16 bytes.
Parameters parameters_of(Weights& w) {
    Parameters parameters;
    parameters.add("first", std::span{w}.first(701));
    parameters.add("second", std::span{w}.subspan(701));
    return parameters;
}

double loss_of(const Weights& w) {
    double sum = 0;
    for (const bfloat16 x : w) {
        sum += (static_cast<double>(x) - 0.1) * (static_cast<double>(x) - 0.1);
    }
    return sum;
}

} // namespace

TEST_CASE("A run of 1,000 steps by a device's threads is replayed by the reference to the same bits") {
    constexpr std::uint64_t steps = 1000;
    const cuda_finetune::Method method{.queries = 2, .seed = 7};
    const Weights start = weights<bfloat16>(734);
    std::vector<cuda_finetune::Step> made;
    Weights w = start;
    {
        cuda_finetune::Descent descent{method, parameters_of(w), LaunchedOnHost<bfloat16>{}};
        for (std::uint64_t step = 0; step < steps; ++step) {
            made.push_back(descent.make(step, 1e-6 * static_cast<double>(steps - step), [&] { return loss_of(w); }).step);
        }
    }
    Weights again = start;
    {
        cuda_finetune::Descent descent{method, parameters_of(again), ReferenceOf<bfloat16>{}};
        for (const cuda_finetune::Step& step : made) {
            descent.repeat(step);
        }
    }
    CHECK(loss_of(w) < loss_of(start));
    CHECK(std::memcmp(w.data(), again.data(), w.size() * sizeof(bfloat16)) == 0);
}
