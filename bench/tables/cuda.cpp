#include "pages.hpp"

#include "markdown.hpp"

#include <cmath>
#include <fstream>
#include <limits>
#include <stdexcept>
#include <string>

namespace {

constexpr const char* directions[] = {"Rademacher", "Uniform", "ReusePool", "Gaussian"};
/// At least, of the copy's bytes a second.
constexpr double float_goal = 0.95, float_gaussian_goal = 0.90, bfloat16_goal = 0.85, bfloat16_gaussian_goal = 0.70;
/// At most, in times of one tensor of as many weights.
constexpr double small_goal = 1.2;
constexpr const char* not_measured = "not measured";

double value(const Result* result, const char* counter) {
    return result == nullptr ? std::numeric_limits<double>::quiet_NaN() : (*result)[counter];
}

std::string measured_cell(double value, int decimals) { return std::isfinite(value) ? report::fixed(value, decimals) : not_measured; }

/// Read and written.
double gigabytes_a_second(const Result* result) { return 2 * value(result, "bytes_element") / value(result, "ns_element"); }

/// direction, type, then a row's figures.
std::string share_row(const std::string& name, const std::string& type, const Result* result, std::optional<double> goal) {
    const double share = 1 / value(result, "x_copy");
    return markdown_row({name, type, measured_cell(gigabytes_a_second(result), 0), measured_cell(share, 3), goal_cell(goal, share, 2, false),
                         cell(value(result, "spread"), 2)});
}

std::string kernels(const Results& results) {
    std::string text = markdown_head({"direction", "type", "GB/s", "share of the copy", "goal", "spread"}, 2);
    for (const std::string type : {"float", "bfloat16"}) {
        for (const std::string direction : directions) {
            const bool is_gaussian = direction == "Gaussian";
            const double goal =
                type == "float" ? (is_gaussian ? float_gaussian_goal : float_goal) : (is_gaussian ? bfloat16_gaussian_goal : bfloat16_goal);
            const std::string name = "cuda_displace<" + direction + ", " + type + ">";
            text += share_row(direction, type, results.find(name), goal);
        }
    }
    return text;
}

std::string small_tensors(const Results& results) {
    std::string text = markdown_head({"direction", "us a step", "us as one tensor", "times that", "goal", "spread"});
    for (const std::string direction : {"Rademacher", "Gaussian"}) {
        const Result* const result = results.find("cuda_small<" + direction + ">");
        const double elements = value(result, "elements");
        text += markdown_row({direction, measured_cell(1e-3 * elements * value(result, "ns_element"), 1),
                              measured_cell(1e-3 * elements * value(result, "one_ns_element"), 1), measured_cell(value(result, "x_one"), 2),
                              goal_cell(small_goal, value(result, "x_one"), 1), cell(value(result, "spread"), 2)});
    }
    return text;
}

std::string seven_billion(const Results& results) {
    std::string text = markdown_head({"direction", "seconds a step", "seconds of three copies", "share of the copy", "spread"});
    for (const std::string direction : {"Rademacher", "Gaussian"}) {
        const Result* const result = results.find("cuda_7b<" + direction + ">");
        const double elements = value(result, "elements");
        text += markdown_row({direction, measured_cell(3e-9 * elements * value(result, "ns_element"), 4),
                              measured_cell(3e-9 * elements * value(result, "copy_ns_element"), 4),
                              measured_cell(1 / value(result, "x_copy"), 3), cell(value(result, "spread"), 2)});
    }
    return text;
}

std::string peers(const Results& results) {
    std::string text = markdown_head({"", "type", "GB/s", "share of the copy", "goal", "spread"}, 2);
    for (const std::string type : {"float", "bfloat16"}) {
        const Result* const result = results.find("torch_cuda/" + type);
        text += share_row((result == nullptr ? "PyTorch" : result->label) + ", `p.add_(torch.normal(...), alpha)`", type, result, std::nullopt);
    }
    return text;
}

} // namespace

bool has_cuda(const Results& results) { return !results.beginning("cuda_").empty(); }

void write_cuda(const Results& results, const std::filesystem::path& folder) {
    std::ofstream page{folder / "cuda.md"};
    page << "# Traversals on a GPU, measured\n\n"
         << (results.device.empty() ? "No device has been measured: the rows and goals stand here, the figures do not" : results.device)
         << ". On a machine with a device and nvcc 13, with 15 GB of its memory free:\n\n"
         << "```console\n$ cmake --preset bench && cmake --build build/bench --target run_cuda_benchmarks\n```\n\n"
         << "writes this page to `build/bench/bench/pages/`. Everything takes turns with a copy within the device's memory that reads and "
            "writes as many bytes (half of the weights over the other half, twice), the least that a traversal can take; times are the "
            "device's, between events, and figures those of the medians. Spread: the distance of the quartiles over the median. "
            "Share of the copy: the copy's time over the traversal's.\n\n"
         << "## Kernels\n\nA traversal `w[i] += c z(key, i)` of 4 GB of weights; GB/s are read and written.\n\n"
         << kernels(results) << "\n## Small tensors\n\n"
         << "The three traversals of a two-sided step over 200 tensors of 4,096 floats, beside the same over one tensor of 819,200.\n\n"
         << small_tensors(results) << "\n## 7 billion bfloat16 parameters\n\n"
         << "The three traversals of a two-sided step over Llama-2-7B's 291 tensors, 6,738,415,616 parameters: to one side, to the other, and "
            "back with the update, which is rounded stochastically.\n\n"
         << seven_billion(results) << "\n## Peers\n\nOver 4 GB of weights, in turn with the same copy.\n\n"
         << peers(results);
    page.close();
    if (!page) {
        throw std::runtime_error{"cuda.md cannot be written to " + folder.string()};
    }
}
