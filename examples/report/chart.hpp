#pragma once

#include <span>
#include <string>

#include "series.hpp"

namespace report {

/// A curve and the character that draws it.
struct ChartSeries {
    const Series* series = nullptr;
    char mark = '*';
};

/// Curves drawn with characters, for a terminal: `columns` x `rows` with axes and a legend. Later series are drawn over earlier
/// ones. Empty if there is no finite point.
std::string text_chart(std::span<const ChartSeries> curves, const std::string& x_label, int columns = 64, int rows = 12);

}  // namespace report
