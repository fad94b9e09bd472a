#include "training.hpp"

#include <chrono>
#include <limits>
#include <locale>
#include <sstream>
#include <stdexcept>
#include <string>

#include <program/interrupt.hpp>
#include <report/format.hpp>
#include <report/progress.hpp>
#include <zeroth/any/any_optimizer.hpp>

#include "batch.hpp"
#include "mlp.hpp"
#include "parameters.hpp"

namespace mnist {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

/// As an AnyOptimizer takes it.
zeroth::Method description_of(const Method& method, std::uint64_t steps) {
    constexpr const char* directions[] = {"rademacher", "gaussian", "low-rank"};       // in DirectionKind's order
    constexpr const char* schedules[] = {"constant", "linear", "trapezoid"};           // in ScheduleKind's
    std::string scales;
    for (const auto& [tensor, factor] : method.scales) {
        std::ostringstream text;
        text.imbue(std::locale::classic());
        text.precision(std::numeric_limits<double>::max_digits10);
        text << (scales.empty() ? "" : ",") << tensor << '=' << factor;
        scales += text.str();
    }
    zeroth::Method description{.estimator = method.estimator == EstimatorKind::two_sided ? "two-sided" : "fzoo",
                               .direction = directions[static_cast<int>(method.direction)],
                               .update = method.momentum > 0 ? "momentum" : "sgd",
                               .scales = scales.empty() ? "none" : scales,
                               .schedule = schedules[static_cast<int>(method.schedule)],
                               .learning_rate = method.learning_rate,
                               .steps = steps,
                               .epsilon = method.epsilon,
                               .queries = method.queries,
                               .normalize = method.normalize};
    if (method.momentum > 0) description.momentum = method.momentum;
    return description;
}

Training make_steps(zeroth::AnyOptimizer& optimizer, std::uint64_t steps, Mlp& model, Batch& batch) {
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
    zeroth::AnyOptimizer optimizer(parameters, description_of(options.method, steps), {.seed = options.seed, .threads = options.threads});
    return make_steps(optimizer, steps, model, batch);
}

}  // namespace mnist
