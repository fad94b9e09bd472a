#pragma once

#include <cstddef>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "series.hpp"

namespace report {

enum class Marker { disc, square, triangle, diamond, wedge };

/// How a plot's curve is drawn: dots also mark each point.
struct Curve {
    const Series* series = nullptr;
    bool dots = false;
    bool faint = false;
    bool line = true;  ///< else its points alone
    Marker marker = Marker::disc;
    std::optional<std::size_t> style = {};  ///< curves of one style look alike; where none is given, each has its own
};

/// A line of a legend of its own: of a style or, where none is given, of a marker.
struct LegendLine {
    std::string name;
    std::optional<std::size_t> style = {};
    Marker marker = Marker::disc;
};

/// A plot of curves over one pair of axes. There are twenty styles, ten colours solid or dashed (of points: filled or hollow). The legend
/// names the curves, unless it is given; one of more than four lines stands beside the axes.
struct Plot {
    std::string title;
    std::string x_label;
    std::string y_label;
    std::vector<Curve> curves;
    std::vector<LegendLine> legend = {};
    std::optional<double> most = {};  ///< points above are drawn at this height

    enum class Format { svg, png };

    /// Throws std::runtime_error if the format cannot be written.
    void write(std::ostream& stream, Format format) const;
};

}  // namespace report
