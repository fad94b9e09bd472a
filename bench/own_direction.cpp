/// How a direction and an update rule of your own are measured: a line each, at the end. docs/benchmarks/README.md explains.

#include "displace.hpp"
#include "step.hpp"

#include <zeroth/zeroth.hpp>

#include <benchmark/benchmark.h>

#include <cmath>

namespace {

/// 0 with probability 1/2, else +sqrt 2 or -sqrt 2: two random bits a number.
struct Ternary {
    static constexpr float largest = 1.4142135f;
    static constexpr int groups = 16;
    static constexpr int vectors = 4;

    using Ray = zeroth::PhiloxRay<Ternary>;

    template <class Lanes>
    ZEROTH_INLINE static void next(typename Lanes::Word (&words)[4], typename Lanes::Float (&z)[4]) noexcept {
        const auto sign_bit = Lanes::broadcast_word(0x80000000u);
        const auto root_2 = Lanes::broadcast_word(0x3FB504F3u);
        ZEROTH_UNROLL
        for (int k = 0; k < 4; ++k) {
            const auto shifted = words[k] + words[k];
            const auto is_set = Lanes::broadcast_word(0) - Lanes::template shift_right<31>(shifted);
            z[k] = Lanes::from_bits(((words[k] & sign_bit) | root_2) & is_set);
            words[k] = shifted + shifted;
        }
    }

    float operator()(const zeroth::Key& key, const zeroth::BlockIdentity& block, std::uint64_t element) const noexcept {
        return zeroth::number_of<Ternary>(key, block, element);
    }
};

/// theta <- theta - eta g / |c|, c the projected gradients: a step whose length is the rate's alone.
struct UnitStep {
    using Step = zeroth::PlainStep;
    using State = zeroth::NoState;
    static constexpr std::size_t state_bytes_per_parameter = 0;

    double learning_rate = 1e-6;

    void validate() const {}
    [[nodiscard]] double rate(std::uint64_t) const noexcept { return learning_rate; }
    [[nodiscard]] zeroth::Descend<Step> move(const zeroth::Estimate& estimate, const zeroth::Key& key, State&,
                                             zeroth::Gradient<Step>& gradient) const {
        zeroth::append_terms(estimate, gradient);
        const double length = std::sqrt(zeroth::sum_of_squares(gradient));
        return {.rate = length > 0 ? learning_rate / length : 0, .key = key};
    }
};

using bench::displace;
using bench::step;

BENCHMARK(displace<Ternary, float>)->Apply(bench::cache_and_memory);
BENCHMARK_CAPTURE(step, unit_step, zeroth::TwoSidedRge<Ternary>{}, UnitStep{})->Apply(bench::few_steps);

} // namespace
