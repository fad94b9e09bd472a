// Along every direction a method that is chosen by name gives the bits of the typed one.

#include "any/any_model.hpp"

#include <zeroth/directions/lfsr_bank.hpp>
#include <zeroth/directions/low_rank.hpp>
#include <zeroth/directions/masked.hpp>
#include <zeroth/directions/mixed_pool.hpp>
#include <zeroth/directions/reuse_pool.hpp>
#include <zeroth/directions/scaled.hpp>
#include <zeroth/directions/sphere.hpp>
#include <zeroth/parameters/block_scales.hpp>
#include <zeroth/zeroth.hpp>

#include <algorithm>
#include <cmath>

using namespace zeroth;

namespace {

template <class D>
void check_along(const std::string& text, const D& direction) {
    // One key, two, and more than are kept in registers.
    for (const std::uint32_t queries : {1u, 2u, 3u}) {
        any::check_same("estimator=two-sided learning-rate=0.5 queries=" + std::to_string(queries) + " " + text,
                        TwoSidedRge{.direction = direction, .queries = queries}, Sgd{.learning_rate = 0.5});
    }
}

} // namespace

TEST_CASE("Along each direction the bits are those of its own type") {
    check_along("direction=gaussian", Gaussian{});
    check_along("direction=rademacher", Rademacher{});
    check_along("direction=uniform", Uniform{});
    check_along("direction=sphere", Sphere{});
    check_along("direction=pool", ReusePool{});
    check_along("direction=lfsr", LfsrBank{});
    check_along("direction=mixed-pool", MixedPool{});
    check_along("direction=low-rank", LowRank<2>{});
}

TEST_CASE("Factors of blocks are those of Scaled") {
    any::Model model;
    const double factors[] = {0.5, 2};
    const Parameters parameters = model.parameters();
    check_along("direction=gaussian scales=*matrix=0.5,*vector=2", Scaled{Gaussian{}, parameters, std::span<const double>{factors}});
    const Array<double> rms = scales_by_rms(parameters);
    check_along("direction=rademacher scales=rms", Scaled{Rademacher{}, parameters, std::span<const double>{rms.data(), rms.size()}});
    check_along("direction=sphere", Sphere{});
}

TEST_CASE("Masks are those of Masked, and leave the same weights alone") {
    any::Model model;
    check_along("direction=gaussian mask=bernoulli:0.001", Masked{Gaussian{}, Bernoulli{.keep = 0.001}});
    check_along("direction=rademacher mask=bernoulli:0.3 mask-every=2", Masked{Rademacher{}, Bernoulli{.keep = 0.3, .refresh_every = 2}});
    BitMasks bits{model.parameters()};
    bits.keep_largest(0.01);
    check_along("direction=gaussian mask=magnitude:0.01", Masked{Gaussian{}, bits.mask()});
    bits.keep_n_of_m(2, 4);
    check_along("direction=uniform mask=2:4", Masked{Uniform{}, bits.mask()});
    bits.keep_smallest(0.2);
    check_along("direction=mixed-pool mask=small:0.2", Masked{MixedPool{}, bits.mask()});
    const Array<double> shares = shares_by_magnitude(model.parameters(), 0.1);
    check_along("direction=rademacher mask=global:0.1",
                Masked{Rademacher{}, Bernoulli{.keep = 0.1, .keep_of_block = {shares.data(), shares.size()}}});
}

TEST_CASE("The stretches in which a chosen mask is not set are left alone, down to the sign of a zero") {
    std::vector<float> weights(8192, -0.0f);
    std::fill_n(weights.begin(), 100, 1.0f);
    Parameters parameters;
    parameters.add("weights", std::span{weights});
    AnyOptimizer optimizer{parameters, Method::from("mask=magnitude:0.01 learning-rate=0.1")};
    for (int step = 0; step < 2; ++step) {
        optimizer.step([&] { return static_cast<double>(weights[0]); });
    }
    CHECK(std::all_of(weights.begin() + 512, weights.end(), [](float w) { return w == 0 && std::signbit(w); }));
}

TEST_CASE("Along the cheap directions every policy has kernels of its own") {
    const TwoSidedRge signs{.direction = Rademacher{}};
    any::check_same<float, Exact>("direction=rademacher learning-rate=0.5", signs, Sgd{.learning_rate = 0.5});
    any::check_same<float, Snapshot>("direction=rademacher learning-rate=0.5", signs, Sgd{.learning_rate = 0.5});
    any::check_same<float, Exact>("direction=mixed-pool learning-rate=0.5", TwoSidedRge{.direction = MixedPool{}}, Sgd{.learning_rate = 0.5});
    any::check_same<float, Snapshot>("direction=pool learning-rate=0.5 weight-decay=0.1", TwoSidedRge{.direction = ReusePool{}},
                                     Sgd{.learning_rate = 0.5, .weight_decay = 0.1});
}
