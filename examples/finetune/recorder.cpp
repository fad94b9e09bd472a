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

std::string Recorder::lost() const {
    if (2 * steps_lost_ <= steps_) return "";
    const std::string most = steps_lost_ == steps_ ? "in every step" : "in most of the steps";
    if (lost_ == "differences") return "The losses differ by no more than their rounding " + most + "; try a larger --epsilon.\n";
    const std::string option = lost_ == "probes" ? "--epsilon" : "--learning-rate";
    return "Rounding takes away the " + lost_ + " of " + lost_in_ + " " + most + "; try a larger " + option + ".\n";
}

void Recorder::on_step(const Progress& progress, const Step& step) {
    ++steps_;
    if (step.lost != nullptr) {
        ++steps_lost_;
        lost_ = step.lost;
        lost_in_ = step.lost_in;
    }
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
