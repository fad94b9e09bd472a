#include "chart.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "format.hpp"
#include "scale.hpp"

namespace report {

std::string text_chart(std::span<const ChartSeries> curves, const std::string& x_label, int columns, int rows) {
    Scale x, y;
    for (const ChartSeries& curve : curves) {
        for (const Series::Point& point : curve.series->points()) {
            if (!std::isfinite(point.y)) continue;
            x.include(point.x);
            y.include(point.y);
        }
    }
    if (x.empty() || y.empty()) return {};
    if (x.greatest == x.least) x.greatest = x.least + 1;
    y.round(5);

    std::vector<std::string> lines(static_cast<std::size_t>(rows), std::string(static_cast<std::size_t>(columns), ' '));
    for (const ChartSeries& curve : curves) {
        for (const Series::Point& point : curve.series->points()) {
            if (!std::isfinite(point.y)) continue;
            const auto column = static_cast<std::size_t>(std::lround(x.place(point.x) * (columns - 1)));
            const auto row = static_cast<std::size_t>(std::lround((1 - y.place(point.y)) * (rows - 1)));
            lines[row][column] = curve.mark;
        }
    }

    const auto label = [&](double value) { return fixed(value, y.decimals()); };
    std::vector<std::string> labels(lines.size());
    std::size_t width = 0;
    for (const double tick : y.ticks()) {
        std::string& place = labels[static_cast<std::size_t>(std::lround((1 - y.place(tick)) * (rows - 1)))];
        place = label(tick);
        width = std::max(width, place.size());
    }
    std::string text;
    for (std::size_t row = 0; row < lines.size(); ++row) {
        const std::string line = lines[row].substr(0, lines[row].find_last_not_of(' ') + 1);
        text += "  " + std::string(width - labels[row].size(), ' ') + labels[row] + (labels[row].empty() ? " |" : " +") + line + "\n";
    }
    text += "  " + std::string(width, ' ') + " +" + std::string(static_cast<std::size_t>(columns), '-') + "\n";
    const std::string from = general(x.least, 6), to = general(x.greatest, 6) + " " + x_label;
    const std::size_t taken = from.size() + to.size();
    const std::size_t gap = taken + 1 < static_cast<std::size_t>(columns) ? static_cast<std::size_t>(columns) - taken : 1;
    text += "  " + std::string(width + 2, ' ') + from + std::string(gap, ' ') + to + "\n";
    std::string legend = "  " + std::string(width + 2, ' ');
    for (const ChartSeries& curve : curves) legend += std::string(1, curve.mark) + " " + curve.series->name() + "   ";
    return text + legend.substr(0, legend.find_last_not_of(' ') + 1) + "\n";
}

}  // namespace report
