#include "results.hpp"

#include <nlohmann/json.hpp>
#include <report/format.hpp>

#include <cmath>
#include <fstream>
#include <iostream>
#include <limits>

namespace {

std::string cache_size(double bytes) {
    return bytes >= 1 << 20 ? report::general(bytes / (1 << 20), 3) + " MiB" : report::general(bytes / (1 << 10), 3) + " KiB";
}

/// "2 processors, Intel(R) Xeon(R) Processor at 3.0 GHz (L1d 48 KiB, L2 2 MiB, L3 60 MiB), AVX-512, GCC 12.2.0"
std::string machine_of(const nlohmann::json& context) {
    std::string text = std::to_string(context.value("num_cpus", 0)) + " processors, " + context.value("processor", "unknown") + " at " +
                       report::fixed(context.value("mhz_per_cpu", 0) / 1000.0, 1) + " GHz (";
    bool first = true;
    for (const auto& cache : context.value("caches", nlohmann::json::array())) {
        if (cache.value("type", "") != "Instruction") {
            const int level = cache.value("level", 0);
            text += (first ? "L" : ", L") + std::to_string(level) + (level == 1 ? "d " : " ") + cache_size(cache.value("size", 0.0));
            first = false;
        }
    }
    return text + "), " + context.value("instructions", "no SIMD") + ", " + context.value("compiler", "an unknown compiler");
}

} // namespace

double Result::operator[](const std::string& counter) const { return find(counter).value_or(std::numeric_limits<double>::quiet_NaN()); }

void Results::read(const std::string& path) {
    std::ifstream file{path};
    const nlohmann::json json = nlohmann::json::parse(file, nullptr, false);
    if (json.is_discarded()) {
        std::cerr << "tables: " << path << " holds no results; its rows are left out\n";
        return;
    }
    if (const nlohmann::json& context = json.at("context"); machine.empty() && context.contains("processor")) {
        machine = machine_of(context);
        instructions = context.value("instructions", "");
        ghz = context.value("mhz_per_cpu", 0) / 1000.0;
    }
    if (device.empty()) {
        device = json.at("context").value("device", "");
    }
    if (flags.empty()) {
        flags = json.at("context").value("flags", "");
    }
    for (const nlohmann::json& benchmark : json.at("benchmarks")) {
        if (benchmark.value("error_occurred", false)) {
            std::cerr << "tables: " << benchmark.value("name", "") << ": " << benchmark.value("error_message", "") << '\n';
            continue;
        }
        Result result{benchmark.value("name", ""), benchmark.value("label", ""), {}};
        for (const auto& [key, value] : benchmark.items()) {
            if (value.is_number()) {
                result.counters[key] = value.get<double>();
            }
        }
        all.push_back(std::move(result));
    }
}

const Result* Results::find(const std::string& name_begins) const {
    const std::vector<const Result*> found = beginning(name_begins);
    return found.empty() ? nullptr : found.front();
}

std::vector<const Result*> Results::beginning(const std::string& prefix) const {
    std::vector<const Result*> found;
    for (const Result& result : all) {
        if (result.name.starts_with(prefix)) {
            found.push_back(&result);
        }
    }
    return found;
}
