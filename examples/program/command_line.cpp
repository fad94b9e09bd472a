#include "command_line.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include <zeroth/config.hpp>

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

CommandLine::CommandLine(const std::string& name, const char* description, const char* footer) : name_(name) {
    app_.set_help_flag();
    app_.name(name);
    app_.description(description);
    app_.footer(footer);
    app_.get_formatter()->column_width(30);
    app_.get_formatter()->label("OPTIONS", "[OPTION VALUE]...");
}

std::optional<Message> CommandLine::parse(int argc, const char* const* argv) {
    flag("Other", "-h,--help", "Print this page", help_);
    flag("Other", "--version", "Print the version", version_);
    try {
        app_.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        throw UsageError("command line", std::string(error.what()) + " (--help lists the options)");
    }
    if (help_) return Message{app_.help()};
    if (!version_) return std::nullopt;
    const int version[] = {ZEROTH_VERSION_MAJOR, ZEROTH_VERSION_MINOR, ZEROTH_VERSION_PATCH};
    return Message{name_ + ", of zeroth " + std::to_string(version[0]) + "." + std::to_string(version[1]) + "." + std::to_string(version[2]) + "\n"};
}

void CommandLine::file(const char* group, const std::string& name, const std::string& text, std::string& target) {
    add(group, name, "FILE", text, [name, &target](const std::string& value) {
        if (value.empty()) throw UsageError(name, "needs a file name");
        target = value;
    });
}

}  // namespace program
