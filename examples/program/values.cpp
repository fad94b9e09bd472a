#include "values.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "usage_error.hpp"

namespace program {

double read_number(const std::string& option, const std::string& text, bool zero_allowed, const char* range) {
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) throw UsageError(option, "\"" + text + "\" is not a number");
    if (!std::isfinite(value) || value < 0 || (value == 0 && !zero_allowed)) throw UsageError(option, text + " is not " + range);
    return value;
}

std::uint64_t read_whole(const std::string& option, const std::string& text, std::uint64_t least, std::uint64_t most) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool whole = error == std::errc() && end == text.data() + text.size();
    if (!whole || value < least || value > most) {
        throw UsageError(option, "\"" + text + "\" is not a whole number from " + std::to_string(least) + " to " + std::to_string(most));
    }
    return value;
}

std::vector<std::string> split(const std::string& option, const std::string& list) {
    std::vector<std::string> parts;
    for (std::size_t begin = 0; begin <= list.size();) {
        const std::size_t end = std::min(list.find(',', begin), list.size());
        parts.push_back(list.substr(begin, end - begin));
        if (parts.back().empty()) throw UsageError(option, "\"" + list + "\" has an empty part");
        begin = end + 1;
    }
    return parts;
}

}  // namespace program
