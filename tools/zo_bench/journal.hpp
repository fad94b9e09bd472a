#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sys/types.h>

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
    std::string command = {};  ///< that makes the run; names it, with the inputs
    std::optional<double> batch = {};
    std::optional<double> tokens = {};  ///< of the windows that the forward passes processed
    std::string inputs = {};  ///< digests of the files that the command names

    bool failed() const { return status != "done"; }
    bool operator==(const Record&) const = default;
};

/// The runs that have ended, in a CSV file that only grows, each line with its checksum: a killed program leaves at most a torn last line, which the next one takes
/// off. No two programs can hold one file; it is free as soon as its program has ended, whatever became of its children. Throws files::FileError.
class Journal {
public:
    /// Makes the file if it is not there. With `forget_failed`, runs that are there as failed count as not made; a later line of the
    /// same command takes their place.
    explicit Journal(const std::filesystem::path& path, bool forget_failed = false);
    Journal(const Journal&) = delete;
    Journal& operator=(const Journal&) = delete;
    ~Journal();

    /// Null if the run of that command, on files of those digests, has not ended.
    const Record* find(const std::string& command, const std::string& inputs = {}) const;
    std::size_t size() const { return records_.size(); }

    /// The line is on the disk when this returns.
    void add(const Record& record);

private:
    void lock();
    void read();
    void append(std::string line);
    [[noreturn]] void fail(const std::string& place, const std::string& reason) const;

    using Key = std::pair<std::string, std::string>;  // command and inputs

    std::filesystem::path path_;
    int descriptor_ = -1;
    std::pair<dev_t, ino_t> file_;
    std::map<Key, Record> records_;
};

}  // namespace zo_bench
