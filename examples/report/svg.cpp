#include <string>

#include "canvas.hpp"
#include "format.hpp"
#include "printable.hpp"

namespace report {
namespace {

std::string escaped(const std::string& text) {
    std::string result;
    for (const char character : printable(text)) {
        switch (character) {
        case '&': result += "&amp;"; break;
        case '<': result += "&lt;"; break;
        case '>': result += "&gt;"; break;
        case '"': result += "&quot;"; break;
        default: result += character;
        }
    }
    return result;
}

std::string hex(Colour colour) {
    constexpr char digits[] = "0123456789abcdef";
    std::string text = "#";
    for (int shift = 20; shift >= 0; shift -= 4) text += digits[(colour >> shift) & 15u];
    return text;
}

std::string at(double x, double y) { return "x=\"" + fixed(x, 1) + "\" y=\"" + fixed(y, 1) + "\""; }

class Svg final : public Canvas {
public:
    Svg(int width, int height) {
        const std::string w = std::to_string(width), h = std::to_string(height);
        body_ = "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" + w + "\" height=\"" + h + "\" viewBox=\"0 0 " + w + " " + h +
                "\" font-family=\"sans-serif\">\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n";
    }

    void line(std::span<const Position> points, const Pen& pen) override {
        if (points.empty()) return;
        body_ += "<polyline fill=\"none\" stroke=\"" + hex(pen.colour) + "\" stroke-width=\"" + fixed(pen.width, 1) + "\" stroke-linejoin=\"round\"";
        if (pen.dash > 0) body_ += " stroke-dasharray=\"" + fixed(pen.dash, 1) + "\"";
        body_ += corners_of(points) + "/>\n";
    }

    void area(std::span<const Position> corners, Colour colour) override {
        if (!corners.empty()) body_ += "<polygon fill=\"" + hex(colour) + "\"" + corners_of(corners) + "/>\n";
    }

    void dot(Position centre, double radius, Colour colour) override {
        body_ += "<circle cx=\"" + fixed(centre.x, 1) + "\" cy=\"" + fixed(centre.y, 1) + "\" r=\"" + fixed(radius, 1) + "\" fill=\"" + hex(colour) + "\"/>\n";
    }

    void text(Position base, const std::string& text, Anchor anchor, Colour colour, double size) override {
        const char* name = anchor == Anchor::start ? "start" : anchor == Anchor::middle ? "middle" : "end";
        put(at(base.x, base.y), text, name, colour, size);
    }

    void text_upwards(Position base, const std::string& text, Colour colour, double size) override {
        const std::string turn = " transform=\"rotate(-90 " + fixed(base.x, 1) + " " + fixed(base.y, 1) + ")\"";
        put(at(base.x, base.y) + turn, text, "middle", colour, size);
    }

    void finish(std::ostream& stream) override { stream << body_ << "</svg>\n"; }

private:
    static std::string corners_of(std::span<const Position> points) {
        std::string text = " points=\"";
        for (const Position& point : points) text += fixed(point.x, 1) + "," + fixed(point.y, 1) + " ";
        text.back() = '"';
        return text;
    }

    void put(const std::string& place, const std::string& text, const char* anchor, Colour colour, double size) {
        body_ += "<text " + place + " text-anchor=\"" + anchor + "\" fill=\"" + hex(colour) + "\" font-size=\"" + fixed(size, 0) + "\">" + escaped(text) +
                 "</text>\n";
    }

    std::string body_;
};

}  // namespace

std::unique_ptr<Canvas> make_svg(int width, int height) { return std::make_unique<Svg>(width, height); }

}  // namespace report
