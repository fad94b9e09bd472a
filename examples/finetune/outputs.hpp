#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <files/atomic_file.hpp>
#include <llama/checkpoint.hpp>
#include <report/plot.hpp>

#include "options.hpp"
#include "train.hpp"

namespace finetune {

/// The files a run was asked to write. Made before the run begins, so that one that cannot be written is found then, and locked until its end, so that they
/// are all of one run; each appears whole, or not at all. Throws files::FileError; once the run has begun, what cannot be written is noted in failures() and does
/// not keep the rest from being written.
class Outputs {
public:
    explicit Outputs(const Options& options);

    /// A line of the metrics, if they were asked for.
    void on_evaluation(const Observer::Progress& progress, const Evaluation& evaluation);
    void on_step(const Observer::Progress& progress, const Step& step);

    /// The checkpoint, or what was added to it. Weights of a run that has diverged get a name beside it, unless --save-diverged was given. Where the weights
    /// cannot be written they are kept in another folder.
    void write_model(const llama::Model<float>& model, llama::CheckpointFormat format, bool diverged);
    /// The same on the way; one that fails is only said.
    void write_checkpoint(const llama::Model<float>& model, llama::CheckpointFormat format);
    void finish_metrics();
    void write_plot(const report::Plot& plot);
    void write_json(const Outcome& outcome, const std::string& weights_crc32c, std::size_t planned_bytes = 0);

    /// Whether --save would replace a file.
    bool replaces_model() const;
    /// Names of the files that are written, with commas.
    std::string names() const;
    /// What could not be written and why, and where the weights are; empty if all was.
    const std::string& failures() const { return failures_; }
    /// Where the weights are; empty if they are not written.
    const std::string& model_place() const { return model_place_; }

private:
    /// A step's line waits for the evaluation that may follow it.
    void flush_line(const std::string& evaluation);
    void write_model_to(const std::filesystem::path& path, const llama::Model<float>& model, llama::CheckpointFormat format) const;
    void keep_elsewhere(const llama::Model<float>& model, llama::CheckpointFormat format);
    /// Runs `write`, which may throw; notes the file, or why it is not written.
    void attempt(const std::string& name, const std::function<void()>& write);
    void fail(const std::string& reason) { failures_ += (failures_.empty() ? "" : "; ") + reason; }

    std::string save_;
    std::string plot_, metrics_, json_;
    bool saves_adapters_ = false, saves_diverged_ = false;
    std::vector<files::OutputLock> locks_;
    std::optional<files::AtomicFile> metrics_file_;
    std::optional<files::AtomicFile> json_file_;
    std::optional<files::AtomicFile> plot_file_;
    std::string line_;
    std::vector<std::string> written_;
    std::string model_place_, failures_;
};

}  // namespace finetune
