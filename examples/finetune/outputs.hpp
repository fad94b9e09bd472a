#pragma once

#include <memory>
#include <optional>
#include <string>

#include <files/atomic_file.hpp>
#include <llama/checkpoint.hpp>
#include <report/plot.hpp>

#include "options.hpp"
#include "train.hpp"

namespace finetune {

/// The files a run was asked to write. Made before the run begins, so that one that cannot be written is found then; each appears
/// whole, at the end, or not at all. Throws files::FileError.
class Outputs {
public:
    explicit Outputs(const Options& options);

    /// A line of the metrics, if they were asked for.
    void on_evaluation(const Observer::Progress& progress, const Evaluation& evaluation);
    void on_step(const Observer::Progress& progress, const Step& step);

    void write_json(const Outcome& outcome, const std::string& weights_crc32c, std::size_t planned_bytes = 0);
    void write_plot(const report::Plot& plot);
    /// The checkpoint, or what was added to it.
    void write_model(const llama::Model<float>& model, llama::CheckpointFormat format);
    void finish_metrics();

    /// The files' names, with commas.
    std::string names() const;

private:
    /// A step's line waits for the evaluation that may follow it.
    void flush_line(const std::string& evaluation);

    std::string save_;
    std::string plot_, metrics_, json_;
    bool saves_adapters_ = false;
    std::optional<files::AtomicFile> metrics_file_;
    std::optional<files::AtomicFile> json_file_;
    std::optional<files::AtomicFile> plot_file_;
    std::string line_;
};

}  // namespace finetune
