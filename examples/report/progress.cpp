#include "progress.hpp"

#include <cstdio>
#include <string>

#include <sys/ioctl.h>
#include <unistd.h>

#include "printable.hpp"

namespace report {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds redraw_interval{100};
constexpr milliseconds line_interval{5000};

/// The width of the terminal, less one so that a full line does not wrap.
std::size_t terminal_columns() {
    winsize size{};
    return ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col - std::size_t{1} : 79;
}

}  // namespace

Progress::Progress()
    : terminal_(::isatty(STDERR_FILENO) == 1), next_(Clock::now() + (terminal_ ? redraw_interval : line_interval)) {}

bool Progress::due() const { return Clock::now() >= next_; }

void Progress::show(std::string_view text) {
    const std::string line = printable(text);
    next_ = Clock::now() + (terminal_ ? redraw_interval : line_interval);
    if (terminal_) {
        const std::string_view part = std::string_view(line).substr(0, terminal_columns());
        std::fprintf(stderr, "\r%.*s\x1b[K", static_cast<int>(part.size()), part.data());
        shown_ = true;
    } else {
        std::fprintf(stderr, "%.*s\n", static_cast<int>(line.size()), line.data());
    }
    std::fflush(stderr);
}

void Progress::finish() {
    if (!shown_) return;
    std::fputs("\r\x1b[K", stderr);
    std::fflush(stderr);
    shown_ = false;
}

double seconds_left(std::size_t done, std::size_t all, double seconds) {
    return done == 0 || done >= all ? 0 : seconds * static_cast<double>(all - done) / static_cast<double>(done);
}

}  // namespace report
