#include "format.hpp"

#include <array>
#include <cmath>
#include <cstdio>

namespace report {
namespace {

/// The program never leaves the C locale, whose decimal point printf writes. Not std::to_chars: its tables of powers are 300 KB of code that
/// becomes resident when it first writes a number.
std::string written(const char* format, double value, int precision) {
    if (std::isnan(value)) return "nan";  // whatever its sign, which says nothing
    std::array<char, 400> text;  // the largest double has 309 digits before the point
    const int size = std::snprintf(text.data(), text.size(), format, precision, value);
    return std::string(text.data(), static_cast<std::size_t>(size < 0 ? 0 : size));
}

std::string two_digits(long value) {
    std::string text = std::to_string(value);
    return text.size() < 2 ? std::string(1, '0').append(text) : text;
}

}  // namespace

std::string fixed(double value, int decimals) { return written("%.*f", value, decimals); }

std::string general(double value, int digits) { return written("%.*g", value, digits); }

std::string grouped(std::size_t count) {
    const std::string digits = std::to_string(count);
    std::string text;
    for (std::size_t i = 0; i < digits.size(); ++i) {
        if (i > 0 && (digits.size() - i) % 3 == 0) text += ',';
        text += digits[i];
    }
    return text;
}

std::string bytes(std::size_t count) {
    if (count < 1000) return std::to_string(count) + " B";
    constexpr std::array units = {"KB", "MB", "GB", "TB"};
    double value = static_cast<double>(count) / 1000;
    std::size_t unit = 0;
    while (value >= 999.5 && unit + 1 < units.size()) value /= 1000, ++unit;
    return fixed(value, value < 9.995 ? 2 : value < 99.95 ? 1 : 0) + " " + units[unit];
}

std::string duration(double seconds) {
    if (seconds < 59.95) return fixed(seconds, seconds < 9.995 ? 2 : 1) + " s";
    const long whole = std::lround(seconds);
    if (whole < 3600) return std::to_string(whole / 60) + ":" + two_digits(whole % 60) + " min";
    return std::to_string(whole / 3600) + ":" + two_digits(whole / 60 % 60) + ":" + two_digits(whole % 60) + " h";
}

}  // namespace report
