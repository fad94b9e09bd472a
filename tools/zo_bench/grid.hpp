#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "journal.hpp"
#include "options.hpp"

namespace zo_bench {

/// A cell of the grid.
struct Cell {
    std::string task;  ///< "text" or "classify"
    std::string scheme;
    const Method* method = nullptr;
    std::size_t batch = usual_batch;
    std::string title = {};  ///< of the method, and of the batch where the grid has several
};

/// A run of finetune.
struct Run {
    const Cell* cell = nullptr;
    Phase phase = Phase::final;
    std::uint64_t seed = 1;
    double learning_rate = 0;        ///< 0 where the method finds its own
    std::size_t forwards = 0;        ///< the budget
    std::size_t steps = 0;           ///< about; of a first-order method in truth
    std::vector<std::string> words = {};  ///< its command line, but for the files it writes
    std::string command = {};             ///< the same as text
    std::string inputs = {};              ///< digests of the files that it names

    /// "text_full_adam_0.001_1_89abcdef": names its files. A run of a grid with one batch has the same name in a grid with more.
    std::string name() const;
    /// "text, full, ZO-Adam, rate 0.001, seed 1": for the reader.
    std::string title() const;
};

/// What is known of a cell.
struct CellState {
    std::vector<Run> missing;  ///< to be made now, those under way included
    std::size_t left = 0;      ///< runs still to be made, as far as can be foreseen
    std::size_t made = 0;
    std::size_t failed = 0;             ///< of those made
    std::string failure;                ///< why the first of them did, or why there is nothing left to do
    std::optional<double> rate;         ///< that the search has chosen; 0 where the method finds its own
    bool rate_at_end = false;           ///< it is the outermost that was tried
    std::vector<const Record*> finals;  ///< the final runs that have ended
};

/// The study: which runs make it up, and which of them are left.
class Grid {
public:
    /// `layers`: of the model.
    Grid(Options options, std::size_t layers);

    const Options& options() const { return options_; }
    /// By task, by scheme, by method, by batch, in the order they were asked for.
    const std::vector<Cell>& cells() const { return cells_; }
    std::vector<std::string> tasks() const;

    CellState state(const Cell& cell, const Journal& journal) const;

    /// Whether a method is on the grid with a scheme.
    bool has(const Method& method, const std::string& scheme) const;

    /// "ZO-SGD" or, where the grid has several batches, "ZO-SGD, batch 4".
    std::string title(const Method& method, std::size_t batch) const;

    /// Forward passes of a batch that process as many windows as `passes` of the first batch do, at least 1.
    std::size_t equal_forwards(std::size_t passes, std::size_t batch) const;

    /// Of the windows that so many passes of a cell process; absent of classify, whose sentences have each their own length.
    std::optional<double> tokens(const Cell& cell, double forward_passes) const;

private:
    Run make_run(const Cell& cell, Phase phase, std::uint64_t seed, double learning_rate) const;

    Options options_;
    std::size_t layers_;
    std::vector<Cell> cells_;
};

}  // namespace zo_bench
