#pragma once

#include <cstddef>
#include <string>

#include "task.hpp"
#include "trainer.hpp"

namespace finetune {

/// Told what happens in a run. Nothing it does is counted as time of the run.
class Observer {
public:
    struct Progress {
        std::size_t step = 0;  ///< steps made
        std::size_t steps = 0;
        std::size_t forward_passes = 0;
        double seconds = 0;       ///< of the steps
        double seconds_left = 0;  ///< of the whole run
    };

    virtual ~Observer() = default;

    virtual void evaluating() {}
    /// What Trainer::description() says.
    virtual void on_trainer(const std::string&) {}
    virtual void on_evaluation(const Progress&, const Evaluation&) {}
    virtual void on_step(const Progress&, const Step&) {}
    /// After every Plan::save_every steps whose losses are as they should be.
    virtual void on_checkpoint() {}
    /// After the last step, before the evaluation, and also if a step fails: no weights are lost. Not if there was none.
    virtual void on_trained(bool /*diverged*/) {}
};

struct Plan {
    std::size_t steps = 0;
    std::size_t eval_every = 0;
    std::size_t save_every = 0;  ///< 0: never
};

/// Whether training has ruined the weights: a loss that is not finite after it or, so that noise does not count, over twice the loss before it and half a nat.
bool has_diverged(double before, double after);

/// Bytes resident before there was anything but the program: what report::resident_bytes() says when this is first called.
std::size_t empty_program_bytes();

/// The figures of a run. Plain data: processes hand it on.
struct Outcome {
    Evaluation before;
    Evaluation after;
    std::size_t steps = 0;
    std::size_t rejected = 0;  ///< steps without an update, for a loss that was not finite
    std::size_t forward_passes = 0;
    double learning_rate = 0;      ///< the largest of a step
    double seconds = 0;            ///< of the steps: drawing the batch, forward passes and optimizer
    double optimizer_seconds = 0;  ///< of the steps, outside the forward passes
    std::size_t inference_bytes = 0;  ///< resident after an evaluation and a training batch's forward pass, before the trainer was made
    std::size_t peak_bytes = 0;       ///< most resident from then to the end of the last evaluation
    bool interrupted = false;
    bool diverged = false;  ///< by the loss of the first batch, or of the evaluation
};

/// Evaluates, measures the memory of inference, makes the trainer, takes the steps and evaluates again. A signal under a program::InterruptGuard ends it after a step.
Outcome train(Task& task, const TrainerFactory& make_trainer, const Plan& plan, Observer& observer);

}  // namespace finetune
