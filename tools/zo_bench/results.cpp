#include "results.hpp"

#include <algorithm>
#include <cmath>

#include "curve.hpp"
#include "study.hpp"

namespace zo_bench {
namespace {

/// Point by point, as far as every run has one; a point without a finite loss in some run is left out.
std::vector<MeanPoint> mean_curve(const std::vector<std::vector<CurvePoint>>& curves) {
    std::vector<MeanPoint> mean;
    if (curves.empty()) return mean;
    std::size_t size = curves.front().size();
    for (const auto& curve : curves) size = std::min(size, curve.size());
    const auto count = static_cast<double>(curves.size());
    for (std::size_t i = 0; i < size; ++i) {
        MeanPoint point;
        for (const auto& curve : curves) {
            point.forward_passes += curve[i].forward_passes / count;
            point.seconds += curve[i].seconds / count;
            point.loss += curve[i].loss.value_or(std::nan("")) / count;
        }
        if (std::isfinite(point.loss)) mean.push_back(point);
    }
    return mean;
}

std::optional<double> loss_at_half(const std::vector<MeanPoint>& curve, double budget) {
    const auto distance = [budget](const MeanPoint& point) { return std::abs(point.forward_passes - budget / 2); };
    const auto place = std::ranges::min_element(curve, {}, distance);
    return place != curve.end() && distance(*place) <= budget / 10 ? std::optional(place->loss) : std::nullopt;
}

Result result_of(const Grid& grid, const Cell& cell, const Journal& journal) {
    const CellState state = grid.state(cell, journal);
    Result result{.cell = &cell, .rate = state.rate, .rate_at_end = state.rate_at_end};
    std::vector<const Record*> good;
    std::size_t failed = 0;
    for (const Record* record : state.finals) {
        failed += record->failed() ? 1 : 0;
        if (!record->failed() && record->loss_after) good.push_back(record);
    }
    const auto mean = [&good](std::optional<double> Record::*figure) {
        std::vector<double> values;
        for (const Record* record : good) {
            if (record->*figure) values.push_back(*(record->*figure));
        }
        return figure_of(values);
    };
    result.loss_before = mean(&Record::loss_before);
    result.loss = mean(&Record::loss_after);
    result.accuracy_before = mean(&Record::accuracy_before);
    result.accuracy = mean(&Record::accuracy_after);
    result.seconds = mean(&Record::seconds);
    result.optimizer_seconds = mean(&Record::optimizer_seconds);
    result.peak_bytes = mean(&Record::peak_bytes);
    result.planned_bytes = mean(&Record::planned_bytes);
    result.inference_bytes = mean(&Record::inference_bytes);
    if (const auto passes = mean(&Record::forward_passes)) result.tokens = grid.tokens(cell, passes->mean);
    if (cell.method->own_rate) {
        std::vector<double> rates;
        for (const Record* record : good) rates.push_back(record->learning_rate);
        const auto rate = figure_of(rates);
        result.rate = rate ? std::optional(rate->mean) : std::nullopt;
    }

    std::vector<std::vector<CurvePoint>> curves;
    for (const Record* record : good) {
        const Run run{.cell = &cell, .seed = record->seed, .learning_rate = *state.rate, .command = record->command, .inputs = record->inputs};
        curves.push_back(read_curve(Study::curve_file(grid.options().output, run.name())));
    }
    std::erase_if(curves, [](const auto& curve) { return curve.empty(); });
    result.curve = mean_curve(curves);
    for (MeanPoint& point : result.curve) point.tokens = grid.tokens(cell, point.forward_passes);
    result.half_loss = loss_at_half(result.curve, static_cast<double>(grid.equal_forwards(grid.options().forwards, cell.batch)));

    const std::size_t wanted = grid.options().seeds, diverged = state.finals.size() - failed - good.size();
    if (good.size() == wanted) {
        if (state.failed > 0) result.note = "in the search: " + state.failure;
        return result;
    }
    const auto of_wanted = [wanted](std::size_t count) { return std::to_string(count) + " of " + std::to_string(wanted) + " runs "; };
    if (state.left > 0) {
        result.note = result.brief_note = good.empty() ? "not made yet" : of_wanted(wanted - state.finals.size()) + "not made yet";
    } else if (failed > 0 || state.finals.empty()) {
        result.note = (good.empty() ? "" : of_wanted(failed)) + state.failure;
        result.brief_note = state.failure.starts_with("failed") ? "failed" : "diverged";
    } else {
        result.note = (good.empty() ? "" : of_wanted(diverged)) + "diverged";
        result.brief_note = "diverged";
    }
    return result;
}

}  // namespace

std::optional<Figure> figure_of(const std::vector<double>& values) {
    if (values.empty()) return std::nullopt;
    const auto count = static_cast<double>(values.size());
    Figure figure;
    for (const double value : values) figure.mean += value / count;
    if (values.size() == 1) return figure;
    double squares = 0;
    for (const double value : values) squares += (value - figure.mean) * (value - figure.mean);
    figure.deviation = std::sqrt(squares / (count - 1));
    return figure;
}

std::vector<Result> results_of(const Grid& grid, const Journal& journal) {
    std::vector<Result> results;
    for (const Cell& cell : grid.cells()) results.push_back(result_of(grid, cell, journal));
    return results;
}

}  // namespace zo_bench
