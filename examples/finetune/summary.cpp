#include "summary.hpp"

#include <algorithm>

#include <report/format.hpp>
#include <report/printable.hpp>
#include <report/table.hpp>

namespace finetune {

using report::bytes;
using report::duration;
using report::fixed;
using report::grouped;

std::string loss_text(const Evaluation& evaluation) { return fixed(evaluation.loss, 3); }

std::string accuracy_text(const Evaluation& evaluation) { return evaluation.accuracy ? fixed(100 * *evaluation.accuracy, 1) + " %" : ""; }

std::string memory_text(const Outcome& outcome) {
    return outcome.inference_bytes == 0 ? "unknown" : bytes(outcome.peak_bytes - std::min(outcome.peak_bytes, outcome.inference_bytes));
}

std::string summary(const Outcome& outcome, const std::string& trainer) {
    report::Table table({"", "before", "after"});
    table.add({"evaluation loss, nats", loss_text(outcome.before), loss_text(outcome.after)});
    if (outcome.after.accuracy) table.add({"accuracy", accuracy_text(outcome.before), accuracy_text(outcome.after)});
    std::string text = table.text() + "\n";

    report::Table figures;
    const auto steps = static_cast<double>(std::max<std::size_t>(outcome.steps, 1));
    figures.add({"steps", grouped(outcome.steps), ""});
    if (outcome.rejected > 0) figures.add({"of them without an update", grouped(outcome.rejected), "(a loss was not finite)"});
    figures.add({"forward passes", grouped(outcome.forward_passes), ""});
    figures.add({"largest learning rate", report::general(outcome.learning_rate, 3), ""});
    figures.add({"time", duration(outcome.seconds), "(" + fixed(1000 * outcome.seconds / steps, 2) + " ms a step)"});
    const double share = outcome.seconds > 0 ? 100 * outcome.optimizer_seconds / outcome.seconds : 0;
    figures.add({"of it in the optimizer", fixed(share, 2) + " %", "(" + trainer + ")"});
    figures.add({"resident memory of inference", bytes(outcome.inference_bytes), ""});
    figures.add({"most beyond it while training", memory_text(outcome), ""});
    if (!(outcome.after.loss <= outcome.before.loss) && outcome.steps > 0) {
        return text + figures.text() + "\n  The loss has not fallen: try a third of the learning rate (--learning-rate), or more steps.\n";
    }
    return text + figures.text();
}

report::Plot loss_plot(const std::string& title, const Recorder& recorder) {
    report::Plot plot;
    plot.title = title;
    plot.x_label = "forward passes";
    plot.y_label = "loss (nats)";
    plot.curves = {{.series = &recorder.training(), .faint = true}, {.series = &recorder.evaluations(), .dots = true}};
    return plot;
}

std::string indented(const std::string& text) {
    constexpr std::size_t columns = 92;
    std::string result;
    std::string line;
    const auto put_line = [&] {
        result += line.empty() ? "\n" : "    " + line + "\n";
        line.clear();
    };
    for (const char character : report::printable(text, report::Lines::several)) {
        if (character == '\n') {
            put_line();
        } else {
            line += character;
        }
        const std::size_t space = line.rfind(' ');
        if (line.size() > columns && space != std::string::npos && space > 0) {
            const std::string rest = line.substr(space + 1);
            line.resize(space);
            put_line();
            line = rest;
        }
    }
    if (!line.empty()) put_line();
    return result;
}

}  // namespace finetune
