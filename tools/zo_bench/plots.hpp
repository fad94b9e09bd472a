#pragma once

#include <filesystem>
#include <vector>

#include "grid.hpp"
#include "results.hpp"

namespace zo_bench {

/// Writes loss_forwards_TASK_SCHEME.svg, loss_seconds_TASK_SCHEME.svg, where tokens are known loss_tokens_TASK_SCHEME.svg, loss_memory_TASK.svg
/// and, where there are accuracies, accuracy_memory_TASK.svg into the output folder; none that would be empty. Throws files::FileError.
void write_plots(const Grid& grid, const std::vector<Result>& results);

}  // namespace zo_bench
