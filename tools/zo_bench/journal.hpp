#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace zo_bench {

enum class Phase { search, final };

/// A run that has ended: a line of runs.csv. Figures that finetune did not give, or that are not finite, are absent.
struct Record {
    std::string task;
    std::string scheme;
    std::string method;
    Phase phase = Phase::final;
    std::uint64_t seed = 1;
    double learning_rate = 0;
    std::optional<double> forward_passes = {};  ///< as the study counts them
    std::optional<double> loss_before = {};
    std::optional<double> loss_after = {};
    std::optional<double> accuracy_before = {};
    std::optional<double> accuracy_after = {};
    std::optional<double> seconds = {};
    std::optional<double> optimizer_seconds = {};
    std::optional<double> peak_bytes = {};
    std::optional<double> planned_bytes = {};
    std::optional<double> inference_bytes = {};
    std::string status = {};   ///< "done", or "failed: " and why
    std::string command = {};  ///< that makes the run; names it
    std::optional<double> batch = {};   ///< this and what follows: absent in files of older versions
    std::optional<double> tokens = {};  ///< of the windows that the forward passes processed

    bool failed() const { return status != "done"; }
    bool operator==(const Record&) const = default;
};

/// The runs that have ended, in a CSV file that only grows: a killed program leaves at most a torn last line, which the next one takes
/// off. A file of an older version keeps its columns. No two programs can hold one file. Throws files::FileError.
class Journal {
public:
    /// Makes the file if it is not there. With `forget_failed`, runs that are there as failed count as not made; a later line of the
    /// same command takes their place.
    explicit Journal(const std::filesystem::path& path, bool forget_failed = false);
    Journal(const Journal&) = delete;
    Journal& operator=(const Journal&) = delete;
    ~Journal();

    /// Null if the run of that command has not ended.
    const Record* find(const std::string& command) const;
    std::size_t size() const { return records_.size(); }

    /// The line is on the disk when this returns.
    void add(const Record& record);

private:
    void read();
    void append(std::string line);
    [[noreturn]] void fail(const std::string& place, const std::string& reason) const;

    std::filesystem::path path_;
    int descriptor_ = -1;
    std::size_t columns_;                    // of the file
    std::map<std::string, Record> records_;  // by command
};

}  // namespace zo_bench
