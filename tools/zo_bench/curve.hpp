#pragma once

#include <filesystem>
#include <optional>
#include <vector>

namespace zo_bench {

/// A point of a run's curve: an evaluation.
struct CurvePoint {
    double forward_passes = 0;  ///< as the study counts them
    double seconds = 0;         ///< of the steps
    std::optional<double> loss = {};  ///< absent where it was not finite
    std::optional<double> accuracy = {};
};

/// The evaluations in finetune's --metrics; each step counts as `passes_a_step`, where given, in place of what finetune counted.
std::vector<CurvePoint> read_metrics(const std::filesystem::path& path, std::optional<double> passes_a_step);

/// Throws files::FileError.
void write_curve(const std::filesystem::path& path, const std::vector<CurvePoint>& curve);

/// What write_curve() has written; empty if it is not there.
std::vector<CurvePoint> read_curve(const std::filesystem::path& path);

}  // namespace zo_bench
