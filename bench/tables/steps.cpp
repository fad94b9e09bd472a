#include "pages.hpp"

#include "markdown.hpp"

#include <report/plot.hpp>

#include <cmath>
#include <deque>
#include <fstream>
#include <stdexcept>

namespace {

/// How many times as fast as PyTorch's four passes in place a step is to be.
struct Goal {
    const char* name;
    double times;
};
constexpr Goal goals[] = {
    {"two_sided_gaussian_settled", 14},
    {"two_sided_gaussian_lazy", 14},
    {"two_sided_rademacher_settled", 22},
    {"two_sided_rademacher_lazy", 30},
};
/// Of time over parameters, both as logarithms, beyond the caches.
constexpr double slope_from = 3e7, slope_least = 0.9, slope_most = 1.1;

/// step/two_sided_gaussian_lazy/iterations:9/manual_time -> two_sided_gaussian_lazy
std::string case_of(const Result& result) {
    const std::size_t begin = result.name.find('/') + 1;
    return result.name.substr(begin, result.name.find('/', begin) - begin);
}

std::string in_words(std::string name) {
    for (char& character : name) {
        character = character == '_' ? ' ' : character;
    }
    return name;
}

std::string steps(const Results& results) {
    const Result* const torch = results.find("torch_in_place/threads:1");
    std::string text = markdown_head({"method", "forward passes", "traversals", "ms", "ns a parameter", "increments", "PyTorch over this",
                                      "goal", "allocations", "state, bytes a parameter", "spread"});
    for (const Result* result : results.beginning("step")) {
        const std::string name = case_of(*result);
        // MeZO's step is a two-sided one of one query with plain SGD, in float32: those named by their settling alone.
        const bool comparable = result->name.starts_with("step/two_sided") && (name.ends_with("_settled") || name.ends_with("_lazy")) &&
                                (*result)["forward_passes"] == 2 && (*result)["threads"] == 1;
        const double seconds = (*result)["ns_element"] * (*result)["elements"] / 1e9;
        const double times = torch != nullptr && comparable ? (*torch)["step_seconds"] / seconds : std::nan("");
        std::optional<double> goal;
        for (const Goal& known : goals) {
            goal = name == known.name ? std::optional{known.times} : goal;
        }
        text += markdown_row({in_words(name), cell((*result)["forward_passes"], 0), cell((*result)["traversals"], 0),
                              cell(1e3 * seconds, 1), cell((*result)["ns_element"], 3), cell((*result)["x_increment"], 2), cell(times, 1),
                              goal_cell(goal, times, 0, false), cell((*result)["allocations"], 0), cell((*result)["state_bytes"], 0),
                              cell((*result)["spread"], 2)});
    }
    return text;
}

std::string torch_line(const Results& results) {
    const Result* const torch = results.find("torch_in_place/threads:1");
    if (torch == nullptr) {
        return "PyTorch was not measured: its column is empty.\n";
    }
    return "PyTorch: the four passes of MeZO's step in place (" + torch->label + ", one thread, `p.add_(z, alpha)` for each tensor) take " +
           report::fixed((*torch)["step_seconds"], 2) + " s, " + report::fixed((*torch)["x_increment"], 1) +
           " increments a pass. Its step is plain SGD's, in float32: so other rules, restores and types are not compared with it. Beside these "
           "passes, three traversals at the increment's speed would be " +
           report::fixed(4 * (*torch)["x_increment"] / 3, 1) + " times as fast, and two " + report::fixed(2 * (*torch)["x_increment"], 1) +
           " times: more than that takes a goal beyond what the memory of this machine allows.\n";
}

std::string ensmallen(const Results& results) {
    const Result* const theirs = results.find("ensmallen_spsa");
    const Result* const ours = results.find("zeroth_spsa");
    if (theirs == nullptr || ours == nullptr) {
        return "ensmallen was not measured.\n";
    }
    return "ensmallen's SPSA, a step over 2^24 doubles with an empty objective: " + report::fixed((*theirs)["ns_element"], 2) + " ns (" +
           report::fixed((*theirs)["x_increment"], 1) + " increments) a parameter; `TwoSidedRge<Rademacher>` with `Sgd` over the same: " +
           report::fixed((*ours)["ns_element"], 2) + " ns (" + report::fixed((*ours)["x_increment"], 1) + " increments).\n";
}

/// By least squares; NaN of fewer than two sizes.
double slope_of(const std::vector<const Result*>& results) {
    double n = 0, x = 0, y = 0, xx = 0, xy = 0;
    for (const Result* result : results) {
        const double elements = (*result)["elements"];
        if (elements > slope_from) {
            const double log_elements = std::log(elements);
            const double log_time = std::log((*result)["ns_element"] * elements);
            n += 1, x += log_elements, y += log_time, xx += log_elements * log_elements, xy += log_elements * log_time;
        }
    }
    return n < 2 ? std::nan("") : (n * xy - x * y) / (n * xx - x * x);
}

constexpr const char* scaled_directions[] = {"gaussian", "rademacher"};

std::string scaling(const Results& results) {
    std::string text = markdown_head(
        {"direction", "parameters", "ms", "ns a parameter", "increments", "peak memory beside the weights", "spread"});
    std::string slopes;
    for (const std::string direction : scaled_directions) {
        const std::vector<const Result*> sizes = results.beginning("scaling/" + direction + "/");
        for (const Result* result : sizes) {
            const double elements = (*result)["elements"];
            const auto peak = static_cast<std::size_t>(result->find("peak_bytes").value_or(0));
            text += markdown_row({direction, report::grouped(static_cast<std::size_t>(elements)),
                                  report::general(1e-6 * elements * (*result)["ns_element"], 4), cell((*result)["ns_element"], 3),
                                  cell((*result)["x_increment"], 2), report::bytes(peak), cell((*result)["spread"], 2)});
        }
        const double slope = slope_of(sizes);
        if (!std::isfinite(slope)) {
            slopes += "The slope of log time over log parameters was not measured, " + direction + ".\n";
            continue;
        }
        const bool is_linear = slope >= slope_least && slope <= slope_most;
        slopes += "Slope of log time over log parameters from 3.2e7 to the greatest, " + direction + ": " + cell(slope, 3) + " (goal: " +
                  report::fixed(slope_least, 1) + " to " + report::fixed(slope_most, 1) + (is_linear ? ", met" : ", **missed**") + ").\n";
    }
    return text + '\n' + slopes;
}

std::string includes(const Results& results) {
    const std::vector<const Result*> headers = results.beginning("include/");
    if (headers.empty()) {
        return "It was not measured.\n";
    }
    std::string text = "The compiler's processor time (user and system) for a source of one line, the header's `#include`, beside one of "
                       "two, `#include <vector>` and `#include <algorithm>`, in turn: medians of five. Both with `" +
                       results.flags +
                       "`, what the benchmarks are compiled with, and `-fsyntax-only`: nothing is optimised or written.\n\n" +
                       markdown_head({"header", "ms", "ms of `<vector>` and `<algorithm>`", "times these", "spread"});
    for (const Result* result : headers) {
        text += markdown_row({'`' + result->label + '`', cell((*result)["ns_element"] / 1e6, 0),
                              cell((*result)["standard_ns_element"] / 1e6, 0), cell((*result)["x_standard"], 2),
                              cell((*result)["spread"], 2)});
    }
    return text;
}

void draw_scaling(const Results& results, std::ostream& stream) {
    std::deque<report::Series> all_series;
    report::Plot plot{.title = "A two-sided step: level where time grows with the parameters",
                      .x_label = "parameters, log10",
                      .y_label = "ns a parameter",
                      .curves = {}};
    for (const std::string direction : scaled_directions) {
        report::Series& series = all_series.emplace_back(direction);
        for (const Result* result : results.beginning("scaling/" + direction + "/")) {
            series.add(std::log10((*result)["elements"]), (*result)["ns_element"]);
        }
        plot.curves.push_back({.series = &series, .dots = true});
    }
    // Straight lines of the steepest and the least steep slope that meets the goal, from the first size beyond the caches.
    for (const std::string direction : scaled_directions) {
        for (const double slope : {slope_most, slope_least}) {
            report::Series& bound = all_series.emplace_back(direction + ", slope " + report::fixed(slope, 1));
            const Result* first = nullptr;
            for (const Result* result : results.beginning("scaling/" + direction + "/")) {
                if ((*result)["elements"] > slope_from) {
                    first = first == nullptr ? result : first;
                    const double growth = (*result)["elements"] / (*first)["elements"];
                    bound.add(std::log10((*result)["elements"]), (*first)["ns_element"] * std::pow(growth, slope - 1));
                }
            }
            plot.curves.push_back({.series = &bound, .faint = true});
        }
    }
    report::Series& increment = all_series.emplace_back("three in-place increments");
    for (const Result* result : results.beginning("scaling/rademacher/")) {
        increment.add(std::log10((*result)["elements"]), 3 * (*result)["increment_ns_element"]);
    }
    plot.curves.push_back({.series = &increment, .dots = true});
    plot.write(stream, report::Plot::Format::svg);
}

} // namespace

void write_steps(const Results& results, const std::filesystem::path& folder) {
    std::ofstream page{folder / "steps.md"};
    page << "# Steps, measured\n\n"
         << results.machine << ". How this was measured, and how to repeat it: [README](README.md).\n\n"
         << "A whole step with an empty forward pass over OPT-125M's tensors, 125,239,296 parameters, in float32 and by one thread unless "
            "named: the price of a method beside its forward passes. Increments: in-place increments of all parameters in the same run, by "
            "as many threads. Allocations are those of the nine steps timed.\n\n"
         << steps(results) << '\n'
         << torch_line(results) << '\n'
         << ensmallen(results) << "\n## Scaling\n\n"
         << "A two-sided step, settled: three traversals, two empty forward passes.\n\n"
         << scaling(results) << "\n![Scaling](scaling.svg)\n\n## Including the headers\n\n" << includes(results);
    std::ofstream plot{folder / "scaling.svg"};
    draw_scaling(results, plot);
    page.close();
    plot.close();
    if (!page || !plot) {
        throw std::runtime_error{"steps.md and scaling.svg cannot be written to " + folder.string()};
    }
}
