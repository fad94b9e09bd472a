#include "plot.hpp"

#include <array>
#include <cmath>
#include <cstddef>

#include "canvas.hpp"
#include "format.hpp"
#include "scale.hpp"

namespace report {
namespace {

constexpr int width = 800, height = 500;
constexpr double left = 76, right = width - 24, top = 56, bottom = height - 64;
constexpr Colour ink = 0x222222, grid = 0xdddddd;
// Distinguishable with the common forms of colour blindness (Okabe and Ito), and their lighter forms.
constexpr std::array<Colour, 4> strong = {0x0072b2, 0xd55e00, 0x009e73, 0xcc79a7};
constexpr std::array<Colour, 4> light = {0x9cc7e3, 0xf3bf99, 0x99d8c7, 0xebc9dc};

struct Axes {
    Scale x, y;

    Position at(double x_value, double y_value) const {
        return {left + x.place(x_value) * (right - left), bottom - y.place(y_value) * (bottom - top)};
    }
};

Axes axes_of(const std::vector<Curve>& curves) {
    Axes axes;
    for (const Curve& curve : curves) {
        for (const Series::Point& point : curve.series->points()) {
            if (!std::isfinite(point.y)) continue;
            axes.x.include(point.x);
            axes.y.include(point.y);
        }
    }
    for (Scale* scale : {&axes.x, &axes.y}) {
        if (scale->empty()) scale->include(0), scale->include(1);
    }
    axes.x.round(8);
    axes.y.round(6);
    return axes;
}

void draw_axes(Canvas& canvas, const Axes& axes) {
    for (const double tick : axes.y.ticks()) {
        const double y = axes.at(axes.x.least, tick).y;
        canvas.line(std::array{Position{left, y}, Position{right, y}}, grid, 1);
        canvas.text({left - 8, y + 4}, fixed(tick, axes.y.decimals()), Anchor::end, ink, 12);
    }
    for (const double tick : axes.x.ticks()) {
        const double x = axes.at(tick, axes.y.least).x;
        canvas.line(std::array{Position{x, bottom}, Position{x, bottom + 5}}, ink, 1);
        const std::string label = axes.x.decimals() == 0 ? grouped(static_cast<std::size_t>(std::llround(tick))) : fixed(tick, axes.x.decimals());
        canvas.text({x, bottom + 20}, label, Anchor::middle, ink, 12);
    }
    canvas.line(std::array{Position{left, top}, Position{left, bottom}, Position{right, bottom}}, ink, 1);
}

void draw(Canvas& canvas, const Plot& plot) {
    const Axes axes = axes_of(plot.curves);
    draw_axes(canvas, axes);
    canvas.text({width / 2.0, 30}, plot.title, Anchor::middle, ink, 16);
    canvas.text({(left + right) / 2, height - 16.0}, plot.x_label, Anchor::middle, ink, 13);
    canvas.text_upwards({20, (top + bottom) / 2}, plot.y_label, ink, 13);

    std::vector<Position> points;
    double legend = top + 8;
    for (std::size_t i = 0; i < plot.curves.size(); ++i) {
        const Curve& curve = plot.curves[i];
        const Colour colour = (curve.faint ? light : strong)[i % strong.size()];
        points.clear();
        for (const Series::Point& point : curve.series->points()) {
            if (std::isfinite(point.y)) points.push_back(axes.at(point.x, point.y));
        }
        canvas.line(points, colour, curve.faint ? 1 : 2);
        if (curve.dots) {
            for (const Position& point : points) canvas.dot(point, 3, colour);
        }
        canvas.line(std::array{Position{right - 30, legend}, Position{right - 6, legend}}, colour, 3);
        canvas.text({right - 38, legend + 4}, curve.series->name(), Anchor::end, ink, 12);
        legend += 18;
    }
}

}  // namespace

void Plot::write(std::ostream& stream, Format format) const {
    const std::unique_ptr<Canvas> canvas = format == Format::svg ? make_svg(width, height) : make_png(width, height);
    draw(*canvas, *this);
    canvas->finish(stream);
}

}  // namespace report
