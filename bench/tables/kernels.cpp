#include "pages.hpp"

#include "markdown.hpp"

#include <report/plot.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <deque>
#include <fstream>
#include <limits>
#include <optional>
#include <regex>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

/// In increments, from memory, and in nominal cycles an element, in the second-level cache; for AVX-512 and AVX2.
struct Goal {
    const char* direction;
    const char* type;
    int keys;
    std::array<std::optional<double>, 2> increments;
    std::array<std::optional<double>, 2> cycles;
};
constexpr Goal goals[] = {
    {"ReusePool", "float", 1, {1.10, 1.25}, {}},
    {"MixedPool", "float", 1, {1.10, 1.25}, {}},
    {"Rademacher", "float", 1, {1.10, 1.25}, {0.3, {}}},
    {"Rademacher", "float", 2, {1.15, {}}, {}},
    {"Rademacher", "float", 8, {2.0, {}}, {}},
    {"Uniform", "float", 1, {1.35, 1.8}, {}},
    {"Gaussian", "float", 1, {1.7, 2.6}, {1.3, 2.1}},
    {"Gaussian", "float", 2, {3.1, {}}, {}},
    {"Rademacher", "bfloat16", 1, {1.4, 1.7}, {}},
    {"Gaussian", "bfloat16", 1, {3.2, 5.5}, {}},
};
constexpr double thread_goal = 1.8;
/// At most, in times of one tensor of as many floats and of the traversal that rounds to nearest.
constexpr double small_goal = 1.5, base_goal = 1.5;
/// At most, in times of AVX2's instructions, for registers of half the width.
constexpr double neon_goal = 1.3;

/// One kernel, from memory and in the cache.
struct Kernel {
    std::string direction;
    std::string type;
    int keys = 1;
    int threads = 1;
    const Result* memory = nullptr;
    const Result* cache = nullptr;

    [[nodiscard]] std::string name() const {
        return direction + (type == "float" ? "" : ", " + type) + (keys > 1 ? ", " + std::to_string(keys) + " keys" : "");
    }
};

double value(const Result* result, const char* counter) {
    return result == nullptr ? std::numeric_limits<double>::quiet_NaN() : (*result)[counter];
}

/// displace<zeroth::Gaussian, float, 2>/elements:262144/moves:1/manual_time
std::vector<Kernel> kernels_of(const Results& results) {
    const std::regex form{R"(displace<(?:\w+::)*(\w+), (?:\w+::)*(\w+)(?:, (\d+))?>/elements:(\d+)/moves:(\d+)/.*)"};
    std::vector<Kernel> kernels;
    for (const Result* result : results.beginning("displace<")) {
        std::smatch match;
        if (!std::regex_match(result->name, match, form)) {
            continue;
        }
        const Kernel found{match[1], match[2], std::stoi(match[5]), match[3].matched ? std::stoi(match[3]) : 1};
        Kernel* kernel = nullptr;
        for (Kernel& known : kernels) {
            if (known.name() == found.name() && known.threads == found.threads) {
                kernel = &known;
            }
        }
        if (kernel == nullptr) {
            kernel = &kernels.emplace_back(found);
        }
        (std::stoll(match[4]) > 1 << 22 ? kernel->memory : kernel->cache) = result;
    }
    return kernels;
}

const Goal* goal_of(const Kernel& kernel) {
    for (const Goal& goal : goals) {
        if (kernel.direction == goal.direction && kernel.type == goal.type && kernel.keys == goal.keys && kernel.threads == 1) {
            return &goal;
        }
    }
    return nullptr;
}

std::string one_thread(const std::vector<Kernel>& kernels, const Results& results) {
    const std::size_t column = results.instructions == "AVX-512" ? 0 : 1;
    const bool has_goals = results.instructions == "AVX-512" || results.instructions == "AVX2";
    std::string text =
        markdown_head({"direction", "type", "keys", "ns", "increments", "goal", "spread", "ns in L2", "nominal cycles in L2", "goal"}, 2);
    for (const Kernel& kernel : kernels) {
        if (kernel.threads != 1) {
            continue;
        }
        const Goal* const goal = has_goals ? goal_of(kernel) : nullptr;
        const double increments = value(kernel.memory, "x_increment");
        const double cycles = results.ghz > 0 ? value(kernel.cache, "ns_element") * results.ghz : std::nan("");
        text += markdown_row({kernel.direction, kernel.type, std::to_string(kernel.keys), cell(value(kernel.memory, "ns_element"), 3),
                              cell(increments, 2), goal_cell(goal ? goal->increments[column] : std::nullopt, increments, 2),
                              cell(value(kernel.memory, "spread"), 2), cell(value(kernel.cache, "ns_element"), 3), cell(cycles, 2),
                              goal_cell(goal ? goal->cycles[column] : std::nullopt, cycles, 1)});
    }
    return text;
}

std::string more_threads(const std::vector<Kernel>& kernels) {
    std::string text;
    for (const Kernel& kernel : kernels) {
        for (const Kernel& alone : kernels) {
            if (kernel.threads > 1 && alone.threads == 1 && alone.name() == kernel.name()) {
                const double times = value(alone.memory, "ns_element") / value(kernel.memory, "ns_element");
                text += markdown_row({kernel.name(), std::to_string(kernel.threads), cell(value(kernel.memory, "ns_element"), 3),
                                      cell(value(kernel.memory, "x_increment"), 2), cell(times, 2), goal_cell(thread_goal, times, 1, false),
                                      cell(value(alone.cache, "ns_element") / value(kernel.cache, "ns_element"), 2)});
            }
        }
    }
    return text.empty() ? "" : markdown_head({"direction", "threads", "ns", "increments", "times one thread", "goal", "in L2"}) + text;
}

/// displace_small<zeroth::Gaussian>/manual_time, of a yardstick that is not the increment: against a goal.
std::string against(const Results& results, const std::string& benchmark, const std::string& yardstick, const std::string& head,
                    double goal) {
    const std::regex form{benchmark + R"(<(?:\w+::)*(\w+)>/.*)"};
    std::string text;
    for (const Result* result : results.beginning(benchmark + '<')) {
        std::smatch match;
        if (std::regex_match(result->name, match, form)) {
            const double times = (*result)["x_" + yardstick];
            text += markdown_row({match[1], cell((*result)["ns_element"], 3), cell((*result)[yardstick + "_ns_element"], 3), cell(times, 2),
                                  goal_cell(goal, times, 2), cell((*result)["spread"], 2)});
        }
    }
    return text.empty() ? "" : markdown_head({"direction", "ns", "ns " + head, "times that", "goal", "spread"}) + text;
}

/// displace_masked<zeroth::Gaussian>/per_million:1000/manual_time
std::string masks(const Results& results) {
    const std::regex form{R"(displace_masked<(?:\w+::)*(\w+)>/per_million:(\d+)/.*)"};
    std::string text;
    for (const Result* result : results.beginning("displace_masked<")) {
        std::smatch match;
        if (std::regex_match(result->name, match, form)) {
            text += markdown_row({match[1], report::fixed(1e-4 * std::stod(match[2]), 2) + " %", cell((*result)["ns_element"], 3),
                                  cell((*result)["x_increment"], 2), cell((*result)["spread"], 2)});
        }
    }
    return text.empty() ? "" : markdown_head({"direction", "weights in the mask", "ns", "increments", "spread"}) + text;
}

std::string others(const std::vector<Kernel>& kernels, const Results& results) {
    std::string text;
    for (const Result& result : results.all) {
        const bool elsewhere =
            result.name.starts_with("displace_masked<") ||
            std::ranges::any_of(kernels, [&](const Kernel& kernel) { return kernel.memory == &result || kernel.cache == &result; });
        if (!elsewhere && result.find("x_increment") && result.label.starts_with("simd") && !result.find("forward_passes")) {
            text += markdown_row(
                {'`' + result.name + '`', cell(result["ns_element"], 3), cell(result["x_increment"], 2), cell(result["spread"], 2)});
        }
    }
    return text.empty() ? "" : markdown_head({"benchmark", "ns", "increments", "spread"}) + text;
}

std::string peers(const Results& results) {
    std::string text;
    for (const char* name : {"standard", "random123", "torch_in_place", "torch_as_published"}) {
        for (const Result* result : results.beginning(name)) {
            const double threads = result->find("threads").value_or(1);
            const std::string how = result->name.starts_with("torch_in_place")       ? ", `p.add_(z, alpha)`"
                                    : result->name.starts_with("torch_as_published") ? ", as MeZO's code"
                                                                                     : "";
            text += markdown_row(
                {result->label + how, cell(threads, 0), cell((*result)["ns_element"], 2), cell((*result)["x_increment"], 1)});
        }
    }
    return text.empty() ? "None was measured.\n"
                        : markdown_head({"a pass of Gaussian numbers", "threads", "ns", "increments"}) + text;
}

std::string instruction_counts(const Results& results) {
    std::string text;
    for (const Result* result : results.beginning("instructions/")) {
        const std::string kernel = result->name.substr(result->name.find('/') + 1);
        const double wide = (*result)["instructions_element"];
        const Result* const narrow = results.find("instructions_neon/" + kernel);
        const double count = value(narrow, "instructions_element");
        // Registers of half the width.
        const double times = count / (2 * wide);
        text += markdown_row({kernel, cell(wide, 2), cell(count, 2), cell(times, 2),
                              goal_cell(narrow != nullptr ? std::optional{neon_goal} : std::nullopt, times, 1)});
    }
    return text.empty() ? "They were not counted: it takes an x86-64 processor and a Valgrind that runs on it.\n"
                        : markdown_head({"kernel", "AVX2", "NEON", "over twice AVX2's", "goal"}) + text;
}

/// The memory's speed, as the increment has it, or the kernel's own in the cache: whichever is less is the most that a traversal can reach.
void draw_roof(const std::vector<Kernel>& kernels, std::ostream& stream) {
    std::deque<report::Series> all_series;
    report::Plot plot{.title = "Traversals of float32 weights: one thread, 256 MB",
                      .x_label = "computing: ns an element in the second-level cache",
                      .y_label = "GB/s read and written",
                      .curves = {}};
    double limit = 0;
    double most = 0;
    const auto is_drawn = [](const Kernel& kernel) {
        return kernel.type == "float" && kernel.threads == 1 && kernel.keys <= 2 && kernel.memory != nullptr && kernel.cache != nullptr;
    };
    for (const Kernel& kernel : kernels) {
        if (is_drawn(kernel)) {
            limit = std::max(limit, 8 / value(kernel.memory, "increment_ns_element"));
            most = std::max(most, value(kernel.cache, "ns_element"));
        }
    }
    report::Series& roof = all_series.emplace_back("the roof");
    for (int i = 1; i <= 200; ++i) {
        const double x = 1.1 * most * i / 200;
        roof.add(x, std::min(limit, 8 / x));
    }
    plot.curves.push_back({.series = &roof});
    for (const Kernel& kernel : kernels) {
        if (is_drawn(kernel)) {
            report::Series& point = all_series.emplace_back(kernel.name());
            point.add(value(kernel.cache, "ns_element"), 8 / value(kernel.memory, "ns_element"));
            const report::Marker marker = kernel.keys > 1 ? report::Marker::triangle : report::Marker::disc;
            plot.curves.push_back({.series = &point, .line = false, .marker = marker});
        }
    }
    plot.write(stream, report::Plot::Format::svg);
}

} // namespace

void write_kernels(const Results& results, const std::filesystem::path& folder) {
    const std::vector<Kernel> kernels = kernels_of(results);
    std::ofstream page{folder / "kernels.md"};
    page << "# Kernels, measured\n\n"
         << results.machine << ". How this was measured, and how to repeat it: [README](README.md).\n\n"
         << "A traversal `w[i] += sum_k c_k z(key_k, i)`, one thread: ns an element and the same in in-place increments `w[i] += c` of the "
            "same run, from memory (2^26 weights: 256 MB of float32) and in the second-level cache (2^18). The increment of 16-bit weights "
            "is that of their raw bits. Spread: the distance of the quartiles over the median; the machine was disturbed where it is above "
            "0.1. Nominal cycles: ns times the "
         << report::fixed(results.ghz, 1) << " GHz that the processor is said to run at.\n\n"
         << one_thread(kernels, results) << "\n![Roofline](kernels.svg)\n\n"
         << "The roof is the lower of two limits: the speed of the increment, and that of a kernel whose memory costs nothing. One under "
            "it waits for memory and computes in turn; one above it was faster than the increment beside it.\n";
    if (const std::string rows = more_threads(kernels); !rows.empty()) {
        page << "\n## Threads\n\nIncrements are of as many threads.\n\n" << rows;
    }
    if (const std::string rows = against(results, "displace_small", "one", "as one tensor", small_goal); !rows.empty()) {
        page << "\n## Small tensors\n\n10,000 tensors of 100 floats, beside one tensor of 1,000,000 in the same run.\n\n" << rows;
    }
    if (const std::string rows = masks(results); !rows.empty()) {
        page << "\n## Masks\n\n2^26 floats under a mask of bits, set at random: a stretch of 512 weights (2,048 for Rademacher) without a bit is "
                "skipped.\n\n"
             << rows;
    }
    if (const std::string rows = against(results, "move_base", "nearest", "to nearest", base_goal); !rows.empty()) {
        page << "\n## Moving a bfloat16 base\n\nAn update of 2^26 bfloat16 weights, rounded stochastically, beside the same traversal "
                "rounded to nearest, as a displacement is.\n\n"
             << rows;
    }
    if (const std::string rows = others(kernels, results); !rows.empty()) {
        page << "\n## Other traversals\n\n" << rows;
    }
    page << "\n## Peers\n\nPyTorch's passes go over OPT-125M's tensors, the others over 2^24 weights; increments are of the same run.\n\n"
         << peers(results) << "\n## Instructions an element\n\n"
         << "Compiled for AVX2 and counted by Valgrind's callgrind: those of 2^19 elements less those of 2^18. For NEON, whose registers "
            "are half as wide, logged one by one by qemu-user: those of 2^15 elements less those of 2^14.\n\n"
         << instruction_counts(results);
    std::ofstream plot{folder / "kernels.svg"};
    draw_roof(kernels, plot);
    page.close();
    plot.close();
    if (!page || !plot) {
        throw std::runtime_error{"kernels.md and kernels.svg cannot be written to " + folder.string()};
    }
}
