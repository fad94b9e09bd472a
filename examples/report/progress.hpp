#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

namespace report {

/// What a run is doing, in one line on standard error: redrawn in place on a terminal, else a line every few seconds.
class Progress {
public:
    Progress();
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;
    ~Progress() { finish(); }

    /// Whether a line would be shown now; asking is cheap, so that the caller need not make one up at every step.
    bool due() const;

    /// Shows a line.
    void show(std::string_view line);

    /// Takes the line off the terminal; what is printed next begins on an empty line.
    void finish();

private:
    using Clock = std::chrono::steady_clock;

    bool terminal_;
    bool shown_ = false;
    Clock::time_point next_;
};

/// Seconds left of a run that has done `done` of `all` in `seconds`; 0 before it has begun.
double seconds_left(std::size_t done, std::size_t all, double seconds);

}  // namespace report
