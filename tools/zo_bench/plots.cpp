#include "plots.hpp"

#include <algorithm>
#include <deque>
#include <limits>

#include <files/atomic_file.hpp>
#include <report/plot.hpp>

namespace zo_bench {
namespace {

constexpr report::Marker markers[scheme_count] = {report::Marker::disc, report::Marker::square, report::Marker::triangle, report::Marker::diamond,
                                                  report::Marker::wedge};

/// A method looks the same in every plot of every study with one batch; with several, each row has its own look.
std::size_t style_of(const Options& options, const Method& method, std::size_t batch) {
    const std::size_t count = options.batches.size();
    if (count == 1) return static_cast<std::size_t>(&method - all_methods().data());
    return static_cast<std::size_t>(std::ranges::find(options.methods, &method) - options.methods.begin()) * count +
           static_cast<std::size_t>(std::ranges::find(options.batches, batch) - options.batches.begin());
}

std::size_t style_of(const Options& options, const Cell& cell) { return style_of(options, *cell.method, cell.batch); }

double passes_at(const MeanPoint& point) { return point.forward_passes; }
double seconds_at(const MeanPoint& point) { return point.seconds; }
double millions_of_tokens_at(const MeanPoint& point) { return point.tokens.value_or(0) / 1e6; }

report::Marker marker_of(const std::string& scheme) { return markers[std::ranges::find(schemes, scheme) - std::begin(schemes)]; }

void write(const report::Plot& plot, const std::filesystem::path& path) {
    files::AtomicFile file(path);
    plot.write(file.stream(), report::Plot::Format::svg);
    file.commit();
}

/// A run that diverges does not press the others flat: a quarter above where they began the plot ends.
std::optional<double> max_of(double first, double least) { return first > least ? std::optional(first + (first - least) / 4) : std::nullopt; }

std::optional<double> max_of(const std::vector<const Result*>& results) {
    double first = -std::numeric_limits<double>::infinity(), least = std::numeric_limits<double>::infinity();
    for (const Result* result : results) {
        first = std::max(first, result->curve.front().loss);
        for (const MeanPoint& point : result->curve) least = std::min(least, point.loss);
    }
    return max_of(first, least);
}

void write_curves(const Options& options, const std::vector<const Result*>& results, const std::string& title, const std::string& x_label,
                  double (*x)(const MeanPoint&), const std::filesystem::path& path) {
    std::deque<report::Series> all_series;
    report::Plot plot{.title = title, .x_label = x_label, .y_label = "loss (nats)", .curves = {}, .most = max_of(results)};
    for (const Result* result : results) {
        report::Series& series = all_series.emplace_back(result->cell->title);
        for (const MeanPoint& point : result->curve) series.add(x(point), point.loss);
        plot.curves.push_back({.series = &series, .style = style_of(options, *result->cell)});
    }
    write(plot, path);
}

void write_scatter(const Grid& grid, const std::vector<Result>& results, const std::string& task, const std::string& y_label,
                   std::optional<Figure> Result::*before, std::optional<Figure> Result::*y, double scale, const std::filesystem::path& path) {
    std::deque<report::Series> all_series;
    report::Plot plot{
        .title = "Peak memory and " + y_label + ", " + task, .x_label = "peak memory beyond the empty program (MB)", .y_label = y_label, .curves = {}};
    double first = -std::numeric_limits<double>::infinity(), least = std::numeric_limits<double>::infinity();
    for (const Result& result : results) {
        const std::optional<Figure>& figure = result.*y;
        if (result.cell->task != task || !figure || !result.peak_bytes) continue;
        report::Series& series = all_series.emplace_back("");
        first = std::max(first, scale * (result.*before).value_or(*figure).mean);
        least = std::min(least, scale * figure->mean);
        series.add(result.peak_bytes->mean / 1e6, scale * figure->mean);
        plot.curves.push_back(
            {.series = &series, .line = false, .marker = marker_of(result.cell->scheme), .style = style_of(grid.options(), *result.cell)});
    }
    if (plot.curves.empty()) return;
    if (y == &Result::loss) plot.most = max_of(first, least);
    for (const std::string& scheme : grid.options().schemes) plot.legend.push_back({.name = scheme, .marker = marker_of(scheme)});
    for (const Method* method : grid.options().methods) {
        for (const std::size_t batch : grid.options().batches) {
            plot.legend.push_back({.name = grid.title(*method, batch), .style = style_of(grid.options(), *method, batch)});
        }
    }
    write(plot, path);
}

}  // namespace

void write_plots(const Grid& grid, const std::vector<Result>& results) {
    const std::filesystem::path folder = grid.options().output;
    for (const std::string& task : grid.tasks()) {
        for (const std::string& scheme : grid.options().schemes) {
            std::vector<const Result*> with_curve;
            for (const Result& result : results) {
                if (result.cell->task == task && result.cell->scheme == scheme && !result.curve.empty()) with_curve.push_back(&result);
            }
            if (with_curve.empty()) continue;
            const auto name = [&](const char* begin) { return folder / std::string(begin).append(task).append("_").append(scheme).append(".svg"); };
            const std::string title = std::string("Loss on ").append(task).append(", ").append(scheme);
            write_curves(grid.options(), with_curve, title, "forward passes", passes_at, name("loss_forwards_"));
            write_curves(grid.options(), with_curve, title, "seconds", seconds_at, name("loss_seconds_"));
            if (grid.tokens(*with_curve.front()->cell, 1)) {
                write_curves(grid.options(), with_curve, title, "tokens (millions)", millions_of_tokens_at, name("loss_tokens_"));
            }
        }
        write_scatter(grid, results, task, "loss (nats)", &Result::loss_before, &Result::loss, 1, folder / ("loss_memory_" + task + ".svg"));
        write_scatter(grid, results, task, "accuracy (%)", &Result::accuracy_before, &Result::accuracy, 100, folder / ("accuracy_memory_" + task + ".svg"));
    }
}

}  // namespace zo_bench
