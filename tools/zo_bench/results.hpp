#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "grid.hpp"
#include "journal.hpp"

namespace zo_bench {

/// Of the final runs of a cell, over the seeds.
struct Figure {
    double mean = 0;
    std::optional<double> deviation = {};  ///< sample standard deviation; absent of a single run
};

/// Absent if there is no value.
std::optional<Figure> figure_of(const std::vector<double>& values);

/// A point of the mean curve of a cell's runs.
struct MeanPoint {
    double forward_passes = 0;
    double seconds = 0;
    double loss = 0;
    std::optional<double> tokens = {};  ///< as Grid::tokens
};

/// What came out of a cell.
struct Result {
    const Cell* cell = nullptr;
    std::optional<double> rate = {};  ///< a mean, where the runs find their own
    bool rate_at_end = false;
    std::optional<Figure> loss_before = {};
    std::optional<Figure> loss = {};  ///< absent where no run ended with a finite one: then `note` says why
    std::optional<double> half_loss = {};  ///< of the curve, near half the budget; absent where no point is within a tenth of the budget of it
    std::optional<double> tokens = {};     ///< as Grid::tokens
    std::optional<Figure> accuracy_before = {};
    std::optional<Figure> accuracy = {};
    std::optional<Figure> seconds = {};
    std::optional<Figure> optimizer_seconds = {};
    std::optional<Figure> peak_bytes = {};
    std::optional<Figure> planned_bytes = {};
    std::optional<Figure> inference_bytes = {};
    std::string note = {};  ///< of what is missing: "", "not made yet", "1 of 3 runs diverged", "failed: ..."
    std::string brief_note = {};  ///< the same in a word or two
    std::vector<MeanPoint> curve = {};
};

/// Of each of the grid's cells, in their order.
std::vector<Result> results_of(const Grid& grid, const Journal& journal);

}  // namespace zo_bench
