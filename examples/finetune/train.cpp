#include "train.hpp"

#include <algorithm>
#include <cmath>

#include <program/interrupt.hpp>
#include <report/memory.hpp>
#include <report/progress.hpp>

namespace finetune {

std::size_t empty_program_bytes() {
    static const std::size_t bytes = [] {
        report::load_program();
        return report::resident_bytes();
    }();
    return bytes;
}

bool has_diverged(double before, double after) { return !std::isfinite(after) || after > 2 * before + 0.5; }

namespace {

/// A step that fails leaves the weights as they were before it: they are kept.
Step step_or_keep(Trainer& trainer, Task& task, Observer& observer, std::size_t steps) {
    try {
        return trainer.step(task);
    } catch (...) {
        if (steps > 0) observer.on_trained(false);
        throw;
    }
}

}  // namespace

Outcome train(Task& task, const TrainerFactory& make_trainer, const Plan& plan, Observer& observer) {
    // Made once for nothing: a setting out of range is found before the work begins, and code that ran does not count as memory later.
    static_cast<void>(make_trainer());
    task.reuse_activations(false);
    Outcome outcome;
    const Stopwatch whole;
    observer.evaluating();
    outcome.before = task.evaluate();
    observer.on_evaluation({}, outcome.before);
    outcome.after = outcome.before;

    // Once more at the training batch's shape: then all of inference's memory is in use, and nothing of the optimizer's.
    task.draw(0);
    const double first_loss = task.loss();
    report::load_program();
    report::release_freed_memory();
    report::ResidentPeak peak;
    outcome.inference_bytes = peak.bytes();

    const std::unique_ptr<Trainer> trainer = make_trainer();
    observer.on_trainer(trainer->description());
    Observer::Progress progress{.steps = plan.steps};
    while (outcome.steps < plan.steps && !program::interrupted()) {
        const Stopwatch watch;
        task.draw(outcome.steps);
        const Step step = step_or_keep(*trainer, task, observer, outcome.steps);
        const double seconds = watch.seconds();
        outcome.seconds += seconds;
        outcome.optimizer_seconds += seconds - step.seconds_in_forward;
        outcome.forward_passes += step.forward_passes;
        outcome.learning_rate = std::max(outcome.learning_rate, step.learning_rate);
        outcome.rejected += step.updated ? 0 : 1;
        ++outcome.steps;
        peak.sample();

        progress.step = outcome.steps;
        progress.forward_passes = outcome.forward_passes;
        progress.seconds = outcome.seconds;
        progress.seconds_left = report::seconds_left(outcome.steps, plan.steps, whole.seconds());
        observer.on_step(progress, step);
        if (plan.eval_every != 0 && outcome.steps % plan.eval_every == 0 && outcome.steps != plan.steps) {
            observer.on_evaluation(progress, task.evaluate());
        }
        const bool to_save = plan.save_every != 0 && outcome.steps % plan.save_every == 0 && outcome.steps != plan.steps;
        if (to_save && !has_diverged(first_loss, step.loss)) observer.on_checkpoint();
    }
    if (outcome.steps > 0) {
        task.draw(0);
        outcome.diverged = has_diverged(first_loss, task.loss());
        observer.on_trained(outcome.diverged);
        observer.evaluating();
        outcome.after = task.evaluate();
        observer.on_evaluation(progress, outcome.after);
        outcome.diverged = outcome.diverged || has_diverged(outcome.before.loss, outcome.after.loss);
    }
    outcome.interrupted = program::interrupted();
    outcome.peak_bytes = peak.bytes();
    return outcome;
}

}  // namespace finetune
