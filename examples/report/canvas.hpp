#pragma once

#include <memory>
#include <ostream>
#include <span>
#include <string>

namespace report {

/// A colour, 0xRRGGBB.
using Colour = unsigned;

struct Position {
    double x = 0;
    double y = 0;
};

enum class Anchor { start, middle, end };

/// How a line is drawn: in dashes of that many pixels, or solid.
struct Pen {
    Colour colour = 0;
    double width = 1;
    double dash = 0;
};

/// What a plot is drawn on: pixels, y downwards.
class Canvas {
public:
    virtual ~Canvas() = default;

    virtual void line(std::span<const Position> points, const Pen& pen) = 0;
    /// A filled polygon.
    virtual void area(std::span<const Position> corners, Colour colour) = 0;
    virtual void dot(Position centre, double radius, Colour colour) = 0;
    virtual void text(Position base, const std::string& text, Anchor anchor, Colour colour, double size) = 0;
    /// Upwards, centred.
    virtual void text_upwards(Position base, const std::string& text, Colour colour, double size) = 0;
    /// Ends the drawing and writes the file.
    virtual void finish(std::ostream& stream) = 0;
};

std::unique_ptr<Canvas> make_svg(int width, int height);

/// Whether this program was built with cairo, which writes PNG.
bool has_png();

/// Throws std::runtime_error if the program was built without cairo.
std::unique_ptr<Canvas> make_png(int width, int height);

}  // namespace report
