#pragma once

#include <string>

#include <report/plot.hpp>

#include "recorder.hpp"
#include "train.hpp"

namespace finetune {

/// The figures of a run as a table for people.
std::string summary(const Outcome& outcome, const std::string& trainer);

/// A loss, or an accuracy as per cent.
std::string loss_text(const Evaluation& evaluation);
std::string accuracy_text(const Evaluation& evaluation);

/// Most memory resident beyond that of inference.
std::string memory_text(const Outcome& outcome);

/// The curves of a run.
report::Plot loss_plot(const std::string& title, const Recorder& recorder);

/// A text in lines of at most 92 columns, each behind four spaces. As report::printable() has it.
std::string indented(const std::string& text);

}  // namespace finetune
