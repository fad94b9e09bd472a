#include "outputs.hpp"

#include <algorithm>
#include <cmath>

#include <nlohmann/json.hpp>

#include <report/format.hpp>

#include "adapter_file.hpp"

namespace finetune {
namespace {

using report::general;

std::string evaluation_fields(const Evaluation& evaluation) {
    return general(evaluation.loss, 9) + "," + (evaluation.accuracy ? general(*evaluation.accuracy, 9) : "");
}

/// JSON has no NaN and no infinity: null stands for them, as for what does not apply.
nlohmann::ordered_json number(std::optional<double> value) {
    return value && std::isfinite(*value) ? nlohmann::ordered_json(*value) : nlohmann::ordered_json(nullptr);
}

}  // namespace

Outputs::Outputs(const Options& options) : save_(options.save), plot_(options.plot), metrics_(options.metrics), json_(options.json), saves_adapters_(options.saves_adapters()) {
    if (!save_.empty()) files::AtomicFile probe(save_);
    if (!options.json.empty()) json_file_.emplace(options.json);
    if (!plot_.empty()) plot_file_.emplace(plot_);
    if (!options.metrics.empty()) {
        metrics_file_.emplace(options.metrics);
        metrics_file_->stream() << "step,forward_passes,loss,learning_rate,seconds,eval_loss,eval_accuracy\n";
    }
}

void Outputs::flush_line(const std::string& evaluation) {
    if (!line_.empty()) metrics_file_->stream() << line_ << "," << evaluation << "\n";
    line_.clear();
}

void Outputs::on_evaluation(const Observer::Progress& progress, const Evaluation& evaluation) {
    if (!metrics_file_) return;
    if (progress.step == 0) line_ = "0,0,,,0";
    flush_line(evaluation_fields(evaluation));
}

void Outputs::on_step(const Observer::Progress& progress, const Step& step) {
    if (!metrics_file_) return;
    flush_line(",");
    line_ = std::to_string(progress.step) + "," + std::to_string(progress.forward_passes) + "," + general(step.loss, 9) + "," +
            general(step.learning_rate, 9) + "," + general(progress.seconds, 6);
}

void Outputs::finish_metrics() {
    if (!metrics_file_) return;
    flush_line(",");
    metrics_file_->commit();
}

void Outputs::write_json(const Outcome& outcome, const std::string& weights_crc32c, std::size_t planned_bytes) {
    if (!json_file_) return;
    nlohmann::ordered_json json;
    json["eval_loss_before"] = number(outcome.before.loss);
    json["eval_loss_after"] = number(outcome.after.loss);
    json["accuracy_before"] = number(outcome.before.accuracy);
    json["accuracy_after"] = number(outcome.after.accuracy);
    json["forward_passes"] = outcome.forward_passes;
    json["learning_rate"] = outcome.learning_rate;
    json["seconds"] = outcome.seconds;
    json["optimizer_seconds"] = outcome.optimizer_seconds;
    json["peak_rss_bytes"] = outcome.peak_bytes;
    json["inference_rss_bytes"] = outcome.inference_bytes;
    const auto beyond = [](std::size_t bytes) { return bytes - std::min(bytes, empty_program_bytes()); };
    json["inference_bytes"] = beyond(outcome.inference_bytes);
    json["peak_bytes"] = beyond(outcome.peak_bytes);
    if (planned_bytes != 0) json["planned_peak_bytes"] = planned_bytes;
    json["weights_crc32c"] = weights_crc32c;
    json_file_->stream() << json.dump(2) << "\n";
    json_file_->commit();
}

std::string Outputs::names() const {
    std::string names;
    for (const std::string* name : {&save_, &metrics_, &plot_, &json_}) {
        if (!name->empty()) names += (names.empty() ? "" : ", ") + *name;
    }
    return names;
}

void Outputs::write_plot(const report::Plot& plot) {
    if (!plot_file_) return;
    plot.write(plot_file_->stream(), plot_.ends_with(".png") ? report::Plot::Format::png : report::Plot::Format::svg);
    plot_file_->commit();
}

void Outputs::write_model(const llama::Model<float>& model, llama::CheckpointFormat format) {
    if (save_.empty()) return;
    if (saves_adapters_) {
        write_adapters(save_, model);
    } else {
        llama::write_checkpoint(save_, model, format);
    }
}

}  // namespace finetune
