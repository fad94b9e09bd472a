#pragma once

#include <string>

#include <report/chart.hpp>
#include <report/plot.hpp>
#include <report/progress.hpp>
#include <report/series.hpp>

#include "outputs.hpp"
#include "train.hpp"

namespace finetune {

/// Follows a run: shows its progress, writes its metrics and keeps its curves.
class Recorder : public Observer {
public:
    /// `outputs` may be null; `name` begins the line of progress.
    Recorder(std::string name, Outputs* outputs) : name_(std::move(name)), outputs_(outputs) {}

    void evaluating() override;
    void on_trainer(const std::string& description) override { trainer_ = description; }
    void on_evaluation(const Progress& progress, const Evaluation& evaluation) override;
    void on_step(const Progress& progress, const Step& step) override;
    /// Takes the line of progress off the terminal.
    void finish() { line_.finish(); }

    /// What rounding has taken away in most of the steps, and what to do; empty if nothing.
    std::string lost() const;
    const std::string& trainer() const { return trainer_; }
    const report::Series& training() const { return training_; }
    const report::Series& evaluations() const { return evaluations_; }

private:
    std::string name_;
    Outputs* outputs_;
    std::string trainer_;
    report::Progress line_;
    report::Series training_{"training batches"};
    report::Series evaluations_{"evaluation"};
    std::size_t steps_ = 0;
    std::size_t steps_lost_ = 0;
    std::string lost_;
    std::string lost_in_;
    double smooth_ = 0;  // the loss of recent steps, for the eye
};

}  // namespace finetune
