#include "recorder.hpp"

#include <cmath>

#include <report/format.hpp>

namespace finetune {

using report::duration;
using report::fixed;
using report::general;
using report::grouped;

void Recorder::evaluating() {
    if (line_.due()) line_.show(name_ + "evaluating");
}

void Recorder::on_evaluation(const Progress& progress, const Evaluation& evaluation) {
    evaluations_.add(static_cast<double>(progress.forward_passes), evaluation.loss);
    if (outputs_ != nullptr) outputs_->on_evaluation(progress, evaluation);
}

void Recorder::on_step(const Progress& progress, const Step& step) {
    if (std::isfinite(step.loss)) {
        training_.add(static_cast<double>(progress.forward_passes), step.loss);
        smooth_ = progress.step == 1 ? step.loss : 0.95 * smooth_ + 0.05 * step.loss;
    }
    if (outputs_ != nullptr) outputs_->on_step(progress, step);
    if (!line_.due()) return;
    line_.show(name_ + "step " + grouped(progress.step) + "/" + grouped(progress.steps) + "  loss " + fixed(smooth_, 3) + "  rate " +
               general(step.learning_rate, 3) + "  forward passes " + grouped(progress.forward_passes) + "  " + duration(progress.seconds_left) +
               " left");
}

}  // namespace finetune
