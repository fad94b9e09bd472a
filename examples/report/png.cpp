#include <stdexcept>

#include "canvas.hpp"
#include "printable.hpp"

#if defined(ZEROTH_HAS_CAIRO)
#include <cairo.h>
#endif

namespace report {

#if defined(ZEROTH_HAS_CAIRO)

namespace {

void check(cairo_status_t status) {
    if (status != CAIRO_STATUS_SUCCESS) throw std::runtime_error(std::string("cairo: ") + cairo_status_to_string(status));
}

class Png final : public Canvas {
public:
    Png(int width, int height) : surface_(cairo_image_surface_create(CAIRO_FORMAT_RGB24, width, height)), context_(cairo_create(surface_.get())) {
        cairo_set_source_rgb(context(), 1, 1, 1);
        cairo_paint(context());
        cairo_set_line_join(context(), CAIRO_LINE_JOIN_ROUND);
        cairo_select_font_face(context(), "sans-serif", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
    }

    void line(std::span<const Position> points, const Pen& pen) override {
        set(pen.colour);
        trace(points);
        cairo_set_line_width(context(), pen.width);
        cairo_set_dash(context(), &pen.dash, pen.dash > 0 ? 1 : 0, 0);
        cairo_stroke(context());
    }

    void area(std::span<const Position> corners, Colour colour) override {
        set(colour);
        trace(corners);
        cairo_fill(context());
    }

    void dot(Position centre, double radius, Colour colour) override {
        set(colour);
        constexpr double turn = 6.283185307179586;
        cairo_new_path(context());
        cairo_arc(context(), centre.x, centre.y, radius, 0, turn);
        cairo_fill(context());
    }

    void text(Position base, const std::string& text, Anchor anchor, Colour colour, double size) override {
        const double part = anchor == Anchor::start ? 0 : anchor == Anchor::middle ? 0.5 : 1;
        set(colour);
        cairo_move_to(context(), base.x - part * advance(text, size), base.y);
        cairo_show_text(context(), printable(text).c_str());
    }

    void text_upwards(Position base, const std::string& text, Colour colour, double size) override {
        set(colour);
        cairo_save(context());
        cairo_move_to(context(), base.x, base.y + advance(text, size) / 2);
        cairo_rotate(context(), -1.5707963267948966);
        cairo_show_text(context(), printable(text).c_str());
        cairo_restore(context());
    }

    void finish(std::ostream& stream) override {
        check(cairo_status(context()));
        const auto write = [](void* target, const unsigned char* bytes, unsigned size) {
            auto& output = *static_cast<std::ostream*>(target);
            output.write(reinterpret_cast<const char*>(bytes), static_cast<std::streamsize>(size));
            return output ? CAIRO_STATUS_SUCCESS : CAIRO_STATUS_WRITE_ERROR;
        };
        check(cairo_surface_write_to_png_stream(surface_.get(), write, &stream));
    }

private:
    cairo_t* context() { return context_.get(); }

    void set(Colour colour) {
        const auto part = [colour](int shift) { return static_cast<double>((colour >> shift) & 255u) / 255; };
        cairo_set_source_rgb(context(), part(16), part(8), part(0));
    }

    void trace(std::span<const Position> points) {
        cairo_new_path(context());  // text leaves a point to go on from
        for (const Position& point : points) cairo_line_to(context(), point.x, point.y);
    }

    double advance(const std::string& text, double size) {
        cairo_text_extents_t extents;
        cairo_set_font_size(context(), size);
        cairo_text_extents(context(), printable(text).c_str(), &extents);
        return extents.x_advance;
    }

    struct Destroy {
        void operator()(cairo_surface_t* surface) const { cairo_surface_destroy(surface); }
        void operator()(cairo_t* context) const { cairo_destroy(context); }
    };

    std::unique_ptr<cairo_surface_t, Destroy> surface_;
    std::unique_ptr<cairo_t, Destroy> context_;
};

}  // namespace

bool has_png() { return true; }

std::unique_ptr<Canvas> make_png(int width, int height) { return std::make_unique<Png>(width, height); }

#else

bool has_png() { return false; }

std::unique_ptr<Canvas> make_png(int, int) { throw std::runtime_error("this program was built without cairo and writes no PNG"); }

#endif

}  // namespace report
