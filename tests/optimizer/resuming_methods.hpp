#pragma once

/// Every rule, and directions and estimators with a state or a memory of their own, under one restore policy.

#include "optimizer/resuming.hpp"

#include <zeroth/directions/lfsr_bank.hpp>
#include <zeroth/directions/low_rank.hpp>
#include <zeroth/directions/masked.hpp>
#include <zeroth/directions/reuse_pool.hpp>
#include <zeroth/directions/scaled.hpp>
#include <zeroth/directions/sphere.hpp>
#include <zeroth/estimators/coordinate_wise.hpp>
#include <zeroth/estimators/fzoo.hpp>
#include <zeroth/estimators/kernel_rge.hpp>
#include <zeroth/updates/normalized.hpp>
#include <zeroth/zeroth.hpp>

namespace resuming {

template <class Restore>
void check_rules() {
    const TwoSidedRge estimator{.epsilon = 1e-3, .queries = 2};
    const Linear rate{.rate = 1e-2, .final_rate = 1e-3, .steps = 40};
    check_resumes<Restore>("Sgd", estimator, Sgd{.learning_rate = rate, .weight_decay = 0.1});
    check_resumes<Restore>("SignSgd", estimator, SignSgd{.learning_rate = rate});
    check_resumes<Restore>("ScalarSignSgd", estimator, ScalarSignSgd{.learning_rate = rate});
    check_resumes<Restore>("Momentum", estimator, Momentum{.learning_rate = 1e-3, .weight_decay = 0.1});
    check_resumes<Restore>("WindowedMomentum", estimator, WindowedMomentum{.learning_rate = 1e-3, .window = 4, .weight_decay = 0.1});
    check_resumes<Restore>("Adam", estimator, Adam{.learning_rate = rate, .weight_decay = 0.1});
    check_resumes<Restore>("WindowedAdam", estimator, WindowedAdam{.learning_rate = rate, .window = 4, .weight_decay = 0.1});
    check_resumes<Restore>("Conservative", estimator, Conservative{.learning_rate = rate, .weight_decay = 0.1});
    check_resumes<Restore>("Normalized<Momentum>", estimator, Normalized<Momentum>{.rule = {.learning_rate = 1e-3}});
    check_resumes<Restore>("Normalized<WindowedAdam>", estimator, Normalized<WindowedAdam>{.rule = {.learning_rate = 1e-2, .window = 3}});
}

template <class Restore>
void check_directions() {
    Model model;
    const auto check = [](const char* what, const auto& direction) {
        check_resumes<Restore>(what, TwoSidedRge{.direction = direction, .epsilon = 1e-3, .queries = 2}, Momentum{.learning_rate = 1e-3});
    };
    check("Sphere", Sphere{});
    check("ReusePool", ReusePool{.refresh_every = 3});
    check("LfsrBank", LfsrBank{.refresh_every = 4});
    check("LowRank", LowRank<2>{.refresh_every = 3});
    check("Masked", Masked{Gaussian{}, Bernoulli{.keep = 0.3, .refresh_every = 3}});
    const double scales[] = {0.5, 2};
    check("Scaled", Scaled{Rademacher{}, model.parameters(), std::span<const double>{scales}});
}

template <class Restore>
void check_estimators() {
    Model model;
    check_resumes<Restore>("OneSidedRge", OneSidedRge{.epsilon = 1e-3}, Momentum{.learning_rate = 1e-3});
    check_resumes<Restore>("Fzoo", Fzoo{.epsilon = 1e-3, .queries = 3}, Sgd{.learning_rate = 1e-3});
    check_resumes<Restore>("CoordinateWise", CoordinateWise{.direction = Coordinate{model.parameters(), CoordinateOrder::random}, .coordinates = 5},
                           Momentum{.learning_rate = 1e-3});
    check_resumes<Restore>("KernelRge", KernelRge<4>{}, Sgd{.learning_rate = 1e-3});
}

} // namespace resuming
