#include "plot.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

#include "canvas.hpp"
#include "format.hpp"
#include "scale.hpp"

namespace report {
namespace {

constexpr int axes_width = 800, legend_width = 220, height = 500;
constexpr double left = 76, right = axes_width - 24, top = 56, bottom = height - 64;
constexpr Colour ink = 0x222222, grid = 0xdddddd;
/// A legend of more lines stands beside the axes.
constexpr std::size_t max_lines_within = 4;
// The first six are distinguishable with the common forms of colour blindness (Okabe and Ito).
constexpr std::array<Colour, 10> colours = {0x0072b2, 0xd55e00, 0x009e73, 0xcc79a7, 0xe69f00, 0x56b4e9, 0x8a8a8a, 0x6a3d9a, 0x8c8c00, 0x8b4513};

/// Three parts of white to two.
Colour lighter(Colour colour) {
    Colour result = 0;
    for (const int shift : {16, 8, 0}) result |= (2 * ((colour >> shift) & 255u) + 3 * 255u) / 5 << shift;
    return result;
}

struct Look {
    Colour colour = ink;
    bool second = false;  // of the two styles of a colour: dashed or hollow
};

Look look_of(std::size_t style) { return {colours[style % colours.size()], style / colours.size() % 2 == 1}; }

struct Axes {
    Scale x, y;

    Position at(double x_value, double y_value) const {
        return {left + x.place(x_value) * (right - left), bottom - y.place(y_value) * (bottom - top)};
    }
};

Axes axes_of(const Plot& plot) {
    Axes axes;
    for (const Curve& curve : plot.curves) {
        for (const Series::Point& point : curve.series->points()) {
            if (!std::isfinite(point.y)) continue;
            axes.x.include(point.x);
            axes.y.include(plot.most ? std::min(point.y, *plot.most) : point.y);
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
        canvas.line(std::array{Position{left, y}, Position{right, y}}, {grid, 1});
        canvas.text({left - 8, y + 4}, fixed(tick, axes.y.decimals()), Anchor::end, ink, 12);
    }
    for (const double tick : axes.x.ticks()) {
        const double x = axes.at(tick, axes.y.least).x;
        canvas.line(std::array{Position{x, bottom}, Position{x, bottom + 5}}, {ink, 1});
        const std::string label = axes.x.decimals() == 0 ? grouped(static_cast<std::size_t>(std::llround(tick))) : fixed(tick, axes.x.decimals());
        canvas.text({x, bottom + 20}, label, Anchor::middle, ink, 12);
    }
    canvas.line(std::array{Position{left, top}, Position{left, bottom}, Position{right, bottom}}, {ink, 1});
}

void draw_marker(Canvas& canvas, Position centre, Marker marker, Look look) {
    struct Shape {
        int corners;
        double radius, turn;  // in parts of a whole turn, from upwards
    };
    const Shape shape = marker == Marker::disc       ? Shape{20, 4.5, 0}
                        : marker == Marker::square   ? Shape{4, 5.5, 0.125}
                        : marker == Marker::triangle ? Shape{3, 6, 0}
                        : marker == Marker::diamond  ? Shape{4, 6, 0}
                                                     : Shape{3, 6, 0.5};
    std::vector<Position> corners;
    for (int i = 0; i <= shape.corners; ++i) {
        const double angle = 6.283185307179586 * (static_cast<double>(i) / shape.corners + shape.turn);
        corners.push_back({centre.x + shape.radius * std::sin(angle), centre.y - shape.radius * std::cos(angle)});
    }
    if (!look.second) canvas.area(corners, look.colour);
    canvas.line(corners, {look.colour, 1.5});
}

void draw_curve(Canvas& canvas, const Plot& plot, const Axes& axes, const Curve& curve, Look look) {
    std::vector<Position> points;
    for (const Series::Point& point : curve.series->points()) {
        if (std::isfinite(point.y)) points.push_back(axes.at(point.x, plot.most ? std::min(point.y, *plot.most) : point.y));
    }
    if (curve.line) canvas.line(points, {look.colour, curve.faint ? 1.0 : 2.0, look.second ? 6.0 : 0.0});
    for (const Position& point : points) {
        if (!curve.line) {
            draw_marker(canvas, point, curve.marker, look);
        } else if (curve.dots) {
            canvas.dot(point, 3, look.colour);
        }
    }
}

/// Its sample stands to the right of the text within the axes, to the left of it beside them.
class Legend {
public:
    Legend(Canvas& canvas, bool beside) : canvas_(canvas), beside_(beside) {}

    template <class DrawSample>
    void add(const std::string& name, DrawSample draw_sample) {
        const double x = beside_ ? axes_width : right - 30;
        draw_sample(Position{x, y_}, Position{x + 24, y_});
        canvas_.text({beside_ ? x + 32 : x - 8, y_ + 4}, name, beside_ ? Anchor::start : Anchor::end, ink, 12);
        y_ += 18;
    }

private:
    Canvas& canvas_;
    bool beside_;
    double y_ = top + 8;
};

bool legend_beside(const Plot& plot) { return std::max(plot.curves.size(), plot.legend.size()) > max_lines_within; }

void draw(Canvas& canvas, const Plot& plot) {
    const Axes axes = axes_of(plot);
    draw_axes(canvas, axes);
    canvas.text({axes_width / 2.0, 30}, plot.title, Anchor::middle, ink, 16);
    canvas.text({(left + right) / 2, height - 16.0}, plot.x_label, Anchor::middle, ink, 13);
    canvas.text_upwards({20, (top + bottom) / 2}, plot.y_label, ink, 13);

    Legend legend(canvas, legend_beside(plot));
    for (std::size_t i = 0; i < plot.curves.size(); ++i) {
        const Curve& curve = plot.curves[i];
        Look look = look_of(curve.style.value_or(i));
        if (curve.faint) look.colour = lighter(look.colour);
        draw_curve(canvas, plot, axes, curve, look);
        if (!plot.legend.empty()) continue;
        legend.add(curve.series->name(), [&](Position from, Position to) {
            if (curve.line) return canvas.line(std::array{from, to}, {look.colour, 3, look.second ? 6.0 : 0.0});
            draw_marker(canvas, {(from.x + to.x) / 2, from.y}, curve.marker, look);
        });
    }
    for (const LegendLine& line : plot.legend) {
        legend.add(line.name, [&](Position from, Position to) {
            draw_marker(canvas, {(from.x + to.x) / 2, from.y}, line.marker, line.style ? look_of(*line.style) : Look{});
        });
    }
}

}  // namespace

void Plot::write(std::ostream& stream, Format format) const {
    const int width = axes_width + (legend_beside(*this) ? legend_width : 0);
    const std::unique_ptr<Canvas> canvas = format == Format::svg ? make_svg(width, height) : make_png(width, height);
    draw(*canvas, *this);
    canvas->finish(stream);
}

}  // namespace report
