#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "series.hpp"

namespace report {

/// How a plot's curve is drawn: dots also mark each point.
struct Curve {
    const Series* series = nullptr;
    bool dots = false;
    bool faint = false;
};

/// A plot of curves over one pair of axes.
struct Plot {
    std::string title;
    std::string x_label;
    std::string y_label;
    std::vector<Curve> curves;

    enum class Format { svg, png };

    /// Throws std::runtime_error if the format cannot be written.
    void write(std::ostream& stream, Format format) const;
};

}  // namespace report
