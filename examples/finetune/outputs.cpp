#include "outputs.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>

#include <nlohmann/json.hpp>

#include <report/format.hpp>
#include <report/printable.hpp>

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

/// "out.diverged.bin" for "out.bin": a name beside it that nothing has.
std::filesystem::path free_name(const std::filesystem::path& path, const std::string& what) {
    constexpr std::size_t longest = 200;  // of a name; a system's may be 255 bytes
    std::string stem = path.stem().string(), extension = path.extension().string();
    if (extension.size() > longest / 2) extension.clear();
    stem.resize(std::min(stem.size(), longest - extension.size()));
    for (int number = 1;; ++number) {
        const std::string name = stem + "." + what + (number > 1 ? std::to_string(number) : "") + extension;
        std::error_code error;
        const std::filesystem::path place = path.parent_path() / name;
        if (!std::filesystem::exists(std::filesystem::symlink_status(place, error))) return place;
    }
}

}  // namespace

Outputs::Outputs(const Options& options)
    : save_(options.save), plot_(options.plot), metrics_(options.metrics), json_(options.json), saves_adapters_(options.saves_adapters()),
      saves_diverged_(options.save_diverged) {
    for (const std::string* name : {&save_, &json_, &plot_, &metrics_}) {
        if (!name->empty()) locks_.emplace_back(*name);
    }
    if (!save_.empty()) files::AtomicFile probe(save_);
    if (!json_.empty()) json_file_.emplace(json_);
    if (!plot_.empty()) plot_file_.emplace(plot_);
    if (!metrics_.empty()) {
        metrics_file_.emplace(metrics_);
        metrics_file_->stream() << "step,forward_passes,loss,learning_rate,seconds,eval_loss,eval_accuracy\n";
    }
}

void Outputs::attempt(const std::string& name, const std::function<void()>& write) {
    try {
        write();
        written_.push_back(name);
    } catch (const std::runtime_error& error) {
        fail(error.what());
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
    attempt(metrics_, [this] { metrics_file_->commit(); });
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
    attempt(json_, [this] { json_file_->commit(); });
}

bool Outputs::replaces_model() const {
    std::error_code error;
    return !save_.empty() && std::filesystem::exists(save_, error);
}

std::string Outputs::names() const {
    std::string names;
    for (const std::string& name : written_) names += (names.empty() ? "" : ", ") + name;
    return names;
}

void Outputs::write_plot(const report::Plot& plot) {
    if (!plot_file_) return;
    attempt(plot_, [&] {
        plot.write(plot_file_->stream(), plot_.ends_with(".png") ? report::Plot::Format::png : report::Plot::Format::svg);
        plot_file_->commit();
    });
}

void Outputs::write_model_to(const std::filesystem::path& path, const llama::Model<float>& model, llama::CheckpointFormat format) const {
    if (saves_adapters_) {
        write_adapters(path, model);
    } else {
        llama::write_checkpoint(path, model, format);
    }
}

void Outputs::write_checkpoint(const llama::Model<float>& model, llama::CheckpointFormat format) {
    try {
        write_model_to(save_, model, format);
    } catch (const std::runtime_error& error) {
        std::fprintf(stderr, "%s\n", report::printable(std::string(error.what()) + "; training goes on").c_str());
    }
}

void Outputs::write_model(const llama::Model<float>& model, llama::CheckpointFormat format, bool diverged) {
    if (save_.empty()) return;
    const std::string name = diverged && !saves_diverged_ ? free_name(save_, "diverged").string() : save_;
    try {
        write_model_to(name, model, format);
        model_place_ = name;
        written_.push_back(name);
    } catch (const std::runtime_error& error) {
        fail(error.what());
        keep_elsewhere(model, format);
    }
}

void Outputs::keep_elsewhere(const llama::Model<float>& model, llama::CheckpointFormat format) {
    namespace fs = std::filesystem;
    std::error_code error;
    std::vector<fs::path> folders = {fs::path(save_).has_parent_path() ? fs::path(save_).parent_path() : fs::path("."), fs::current_path(error), fs::temp_directory_path(error)};
    for (const char* name : {"TMPDIR", "HOME"}) {
        if (const char* const folder = std::getenv(name)) folders.emplace_back(folder);
    }
    folders.insert(folders.end(), {"/var/tmp", "/tmp", "/dev/shm"});
    for (const fs::path& folder : folders) {
        if (folder.empty()) continue;
        try {
            const fs::path name = free_name(folder / fs::path(save_).filename(), "kept");
            write_model_to(name, model, format);
            model_place_ = fs::absolute(name).string();
            fail("the trained weights are kept in " + model_place_);
            return;
        } catch (const std::exception&) {
            continue;  // what matters is why the first place failed
        }
    }
    fail("nor could the trained weights be kept in another folder");
}

}  // namespace finetune
