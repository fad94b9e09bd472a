#pragma once

#include <filesystem>
#include <map>
#include <vector>

#include <report/progress.hpp>

#include "grid.hpp"
#include "journal.hpp"
#include "process.hpp"

namespace zo_bench {

/// Makes the runs that the journal lacks, some at a time, each in a process of its own.
class Study {
public:
    /// Works in the grid's output folder, which must be there. All must outlive this.
    Study(const Grid& grid, Journal& journal);

    /// Returns when nothing is left to do, or after Ctrl-C under an program::InterruptGuard: then the runs under way are ended, and count as not
    /// made. Throws files::FileError, std::runtime_error.
    void run();

    /// The curve of a final run: a CSV file with a line for each evaluation.
    static std::filesystem::path curve_file(const std::filesystem::path& output, const std::string& run_name);

private:
    void start_what_fits();
    void finish(const Ended& ended);
    Record record_of(const Run& run, const Ended& ended) const;
    /// Whether a part of the run's budget finds its learning rate.
    bool spends_on_rate(const Run& run) const;
    void refresh(std::size_t cell);
    void show();

    std::filesystem::path temporary(const Run& run, const char* ending) const;

    const Grid& grid_;
    Journal& journal_;
    std::filesystem::path running_folder_;
    std::vector<CellState> states_;  // of the grid's cells
    std::map<pid_t, Run> under_way_;
    std::size_t ended_ = 0;  // in this call of the program
    double begin_ = 0;
    Children children_;
    report::Progress line_;
};

}  // namespace zo_bench
