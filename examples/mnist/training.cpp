#include "training.hpp"

#include <chrono>
#include <stdexcept>
#include <utility>
#include <vector>

#include <program/interrupt.hpp>
#include <report/format.hpp>
#include <report/progress.hpp>
#include <zeroth/directions/low_rank.hpp>
#include <zeroth/directions/scaled.hpp>
#include <zeroth/estimators/fzoo.hpp>
#include <zeroth/updates/normalized.hpp>
#include <zeroth/zeroth.hpp>

#include "batch.hpp"
#include "mlp.hpp"
#include "parameters.hpp"

namespace mnist {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

std::vector<double> scales_of(const Method& method, const zeroth::Parameters& parameters) {
    std::vector<double> scales;
    for (const zeroth::Block& block : parameters.blocks()) {
        const auto given = method.scales.find(block.name);
        scales.push_back(given != method.scales.end() ? given->second : 1.0);
    }
    return scales;
}

zeroth::Schedule schedule_of(const Method& method, std::uint64_t steps) {
    switch (method.schedule) {
    case ScheduleKind::linear: return zeroth::Linear{.rate = method.learning_rate, .steps = steps};
    case ScheduleKind::trapezoid: return zeroth::Linear{.rate = method.learning_rate, .steps = steps, .hold = steps / 2};
    case ScheduleKind::constant: break;
    }
    return method.learning_rate;
}

/// visit(estimator) with the method's.
template <class Visit>
auto with_estimator(const Method& method, const zeroth::Parameters& parameters, Visit visit) {
    const auto along = [&](auto raw) {
        using Direction = zeroth::Scaled<decltype(raw)>;
        const Direction direction(std::move(raw), parameters, scales_of(method, parameters));
        if (method.estimator == EstimatorKind::two_sided) {
            return visit(zeroth::TwoSidedRge<Direction>{.direction = direction, .epsilon = method.epsilon, .queries = method.queries});
        }
        return visit(zeroth::Fzoo<Direction>{.direction = direction, .epsilon = method.epsilon, .queries = method.queries});
    };
    switch (method.direction) {
    case DirectionKind::gaussian: return along(zeroth::Gaussian{});
    case DirectionKind::low_rank: return along(zeroth::LowRank<2>{});
    case DirectionKind::rademacher: break;
    }
    return along(zeroth::Rademacher{});
}

/// visit(rule) with the method's.
template <class Visit>
auto with_rule(const Method& method, std::uint64_t steps, Visit visit) {
    const auto normalized_or_not = [&](auto rule) {
        return method.normalize ? visit(zeroth::Normalized<decltype(rule)>{.rule = rule}) : visit(rule);
    };
    const zeroth::Schedule rate = schedule_of(method, steps);
    if (method.momentum > 0) return normalized_or_not(zeroth::Momentum{.learning_rate = rate, .momentum = method.momentum});
    return normalized_or_not(zeroth::Sgd{.learning_rate = rate});
}

/// The steps, by an optimizer of any type.
template <class Optimizer>
Training make_steps(Optimizer& optimizer, std::uint64_t steps, Mlp& model, Batch& batch) {
    Training training{.backend = std::string(optimizer.backend())};
    report::Progress line;
    for (std::uint64_t step = 0; step < steps && !program::interrupted(); ++step) {
        batch.draw();
        const Clock::time_point start = Clock::now();
        const zeroth::StepReport report = optimizer.step([&] {
            const Clock::time_point forward_start = Clock::now();
            const double loss = model.loss(batch.images(), batch.labels());
            training.forward_seconds += seconds_since(forward_start);
            return loss;
        });
        training.seconds += seconds_since(start);
        if (report.reason != zeroth::Reason::updated) {
            throw std::runtime_error("step " + std::to_string(report.step) + ": the loss is not finite; lower --learning-rate");
        }
        ++training.steps;
        if (line.due()) {
            line.show("step " + report::grouped(training.steps) + "/" + report::grouped(steps) + "  loss " + report::fixed(report.loss, 4) +
                      "  rate " + report::general(report.learning_rate, 3));
        }
    }
    return training;
}

}  // namespace

Training train(const Options& options, std::uint64_t steps, files::Safetensors& weights, const Digits& digits) {
    const zeroth::Parameters parameters = parameters_of(weights, options.method.trained);
    Mlp model(weights, options.threads);
    Batch batch(digits, options.batch, options.seed);
    // A method is made of types: each choice made at run time is a branch, and one more optimizer to compile.
    return with_estimator(options.method, parameters, [&](auto estimator) {
        return with_rule(options.method, steps, [&](auto rule) {
            zeroth::Optimizer optimizer{parameters, estimator, rule, zeroth::Settings{.seed = options.seed},
                                        Backend{.threads = options.threads}};
            return make_steps(optimizer, steps, model, batch);
        });
    });
}

}  // namespace mnist
