#include "command_line.hpp"

#include <zeroth/config.hpp>

namespace program {

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
