#include "train.hpp"

#include <algorithm>

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
    static_cast<void>(task.loss());
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
        const Step step = trainer->step(task);
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
    }
    if (outcome.steps > 0) {
        observer.evaluating();
        outcome.after = task.evaluate();
        observer.on_evaluation(progress, outcome.after);
    }
    outcome.interrupted = program::interrupted();
    outcome.peak_bytes = peak.bytes();
    return outcome;
}

}  // namespace finetune
