/// Whole steps with an empty forward pass over OPT-125M's 125 million parameters: what a method costs beside its forward passes. A method
/// of your own: own_direction.cpp.

#include "step.hpp"

#include <zeroth/directions/mixed_pool.hpp>
#include <zeroth/estimators/fzoo.hpp>
#include <zeroth/zeroth.hpp>

#include <benchmark/benchmark.h>

namespace {

using bench::few_steps;
using bench::step;
using zeroth::TwoSidedRge;

template <class Estimator, class Rule>
void step_bfloat16(benchmark::State& state, const Estimator& estimator, const Rule& rule) {
    step<zeroth::bfloat16>(state, estimator, rule);
}

constexpr zeroth::Settings<> each_step{};
constexpr zeroth::Settings<> lazily{.settling = zeroth::Settling::lazily};
constexpr zeroth::Settings<zeroth::Exact> exact{};

BENCHMARK_CAPTURE(step, two_sided_gaussian_settled, TwoSidedRge<zeroth::Gaussian>{}, zeroth::Sgd{})->Apply(few_steps);
BENCHMARK_CAPTURE(step, two_sided_gaussian_lazy, TwoSidedRge<zeroth::Gaussian>{}, zeroth::Sgd{}, lazily)->Apply(few_steps);
BENCHMARK_CAPTURE(step, two_sided_rademacher_settled, TwoSidedRge<zeroth::Rademacher>{}, zeroth::Sgd{})->Apply(few_steps);
BENCHMARK_CAPTURE(step, two_sided_rademacher_lazy, TwoSidedRge<zeroth::Rademacher>{}, zeroth::Sgd{}, lazily)->Apply(few_steps);
BENCHMARK_CAPTURE(step, two_sided_mixed_pool_settled, TwoSidedRge<zeroth::MixedPool>{}, zeroth::Sgd{})->Apply(few_steps);
BENCHMARK_CAPTURE(step, two_sided_mixed_pool_lazy, TwoSidedRge<zeroth::MixedPool>{}, zeroth::Sgd{}, lazily)->Apply(few_steps);
BENCHMARK_CAPTURE(step, two_sided_rademacher_4_queries, TwoSidedRge<zeroth::Rademacher>{.queries = 4}, zeroth::Sgd{})->Apply(few_steps);
BENCHMARK_CAPTURE(step, one_sided_rademacher, zeroth::OneSidedRge<zeroth::Rademacher>{}, zeroth::Sgd{})->Apply(few_steps);
BENCHMARK_CAPTURE(step, fzoo_8_rademacher, zeroth::Fzoo<zeroth::Rademacher>{.queries = 8}, zeroth::Sgd{})->Apply(few_steps);
BENCHMARK_CAPTURE(step, two_sided_gaussian_momentum, TwoSidedRge<zeroth::Gaussian>{}, zeroth::Momentum{})->Apply(few_steps);
BENCHMARK_CAPTURE(step, two_sided_gaussian_adam, TwoSidedRge<zeroth::Gaussian>{}, zeroth::Adam{})->Apply(few_steps);
BENCHMARK_CAPTURE(step, two_sided_gaussian_exact, TwoSidedRge<zeroth::Gaussian>{}, zeroth::Sgd{}, exact)->Apply(few_steps);
BENCHMARK_CAPTURE(step_bfloat16, two_sided_gaussian_bfloat16, TwoSidedRge<zeroth::Gaussian>{}, zeroth::Sgd{})->Apply(few_steps);
BENCHMARK_CAPTURE(step_bfloat16, two_sided_rademacher_bfloat16, TwoSidedRge<zeroth::Rademacher>{}, zeroth::Sgd{})->Apply(few_steps);
BENCHMARK_CAPTURE(step, two_sided_gaussian_2_threads, TwoSidedRge<zeroth::Gaussian>{}, zeroth::Sgd{}, each_step, 2)->Apply(few_steps);
BENCHMARK_CAPTURE(step, two_sided_rademacher_2_threads, TwoSidedRge<zeroth::Rademacher>{}, zeroth::Sgd{}, each_step, 2)->Apply(few_steps);

} // namespace
