#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

/// A benchmark as Google Benchmark's JSON has it.
struct Result {
    std::string name;
    std::string label;
    std::map<std::string, double> counters; ///< all numbers, the counters among them

    [[nodiscard]] std::optional<double> find(const std::string& counter) const {
        const auto at = counters.find(counter);
        return at == counters.end() ? std::nullopt : std::optional{at->second};
    }
    /// NaN where there is no such counter.
    [[nodiscard]] double operator[](const std::string& counter) const;
};

struct Results {
    std::vector<Result> all;
    /// What was measured on, in words.
    std::string machine;
    std::string device; ///< the CUDA device, where one was measured
    std::string instructions; ///< "AVX-512", "AVX2"
    double ghz = 0;
    std::string flags; ///< of the compiler, where include_time was measured

    /// Takes in a file. One that is not there, or not JSON, is passed over with a line on standard error.
    void read(const std::string& path);

    [[nodiscard]] const Result* find(const std::string& name_begins) const;
    [[nodiscard]] std::vector<const Result*> beginning(const std::string& prefix) const;
};
