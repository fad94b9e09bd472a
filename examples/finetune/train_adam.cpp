#include "train_adam.hpp"

#include <cmath>
#include <utility>

#include <llama/adam.hpp>
#include <llama/backward.hpp>

namespace finetune {
namespace {

class AdamTrainer final : public Trainer {
public:
    AdamTrainer(llama::Model<float>& model, const TextTask& task, double rate, std::size_t steps, int threads)
        : model_(model), task_(task), rate_(rate), steps_(steps), backward_(model, threads), gradient_(model.config()), adam_(model.values().size()) {}

    Step step(Task&) override {
        const double rate = rate_ * (1 - static_cast<double>(step_++) / static_cast<double>(steps_));
        const Stopwatch watch;
        const double loss = backward_.loss_and_gradient(task_.batch(), gradient_);
        Step step{.loss = loss, .learning_rate = rate, .forward_passes = 1, .updated = std::isfinite(loss), .seconds_in_forward = watch.seconds()};
        if (step.updated) adam_.step(model_.values(), std::as_const(gradient_).values(), rate);
        return step;
    }

    std::string description() const override { return "back-propagation, Adam"; }

private:
    llama::Model<float>& model_;
    const TextTask& task_;
    double rate_;
    std::size_t steps_;
    std::size_t step_ = 0;
    llama::Backward<float> backward_;
    llama::Model<float> gradient_;
    llama::Adam<float> adam_;
};

}  // namespace

std::unique_ptr<Trainer> make_adam_trainer(llama::Model<float>& model, const TextTask& task, double rate, std::size_t steps, int threads) {
    return std::make_unique<AdamTrainer>(model, task, rate, steps, threads);
}

}  // namespace finetune
