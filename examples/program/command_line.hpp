#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include "usage_error.hpp"
#include "values.hpp"

namespace program {

/// Names of an option's values.
template <class Value>
using Names = std::vector<std::pair<std::string, Value>>;

/// The options of a program: each is read into the caller's variable as it is met.
class CommandLine {
public:
    CommandLine(const std::string& name, const char* description, const char* footer);

    /// Text to end with, if --help or --version is given. Throws UsageError.
    std::optional<Message> parse(int argc, const char* const* argv);

    /// read(value) takes the option's text. UsageError is not one of CLI11's exceptions: it passes through its parser.
    template <class Read>
    CLI::Option* add(const char* group, const std::string& name, const char* type, const std::string& text, Read read) {
        const CLI::callback_t accept = [read](const CLI::results_t& results) { return read(results.front()), true; };
        CLI::Option* option = app_.add_option(name, accept, text);
        return option->group(group)->type_name(type)->multi_option_policy(CLI::MultiOptionPolicy::Throw);
    }
    template <class Value>
    void choice(const char* group, const std::string& name, const std::string& text, const Names<Value>& names, Value& target) {
        std::string list;
        for (const auto& entry : names) list += (list.empty() ? "" : "|") + entry.first;
        add(group, name, list.c_str(), text, [name, names, list, &target](const std::string& value) {
            for (const auto& entry : names) {
                if (entry.first == value) {
                    target = entry.second;
                    return;
                }
            }
            throw UsageError(name, "\"" + value + "\" is not one of " + list);
        });
    }
    template <class Target>
    void whole(const char* group, const std::string& name, const std::string& text, std::uint64_t least, std::uint64_t most, Target& target) {
        add(group, name, "N", text, [=, &target](const std::string& value) {
            const std::uint64_t number = read_whole(name, value, least, most);
            if constexpr (requires { typename Target::value_type; }) {
                target = static_cast<typename Target::value_type>(number);
            } else {
                target = static_cast<Target>(number);
            }
        });
    }
    template <class Target>
    void number(const char* group, const std::string& name, const char* type, const std::string& text, bool zero_allowed, Target& target) {
        add(group, name, type, text, [=, &target](const std::string& value) {
            target = read_number(name, value, zero_allowed, zero_allowed ? "zero or positive, and finite" : "positive and finite");
        });
    }
    void file(const char* group, const std::string& name, const std::string& text, std::string& target);
    void flag(const char* group, const std::string& name, const std::string& text, bool& target) { app_.add_flag(name, target, text)->group(group); }

    bool given(const std::string& name) const { return app_.get_option(name)->count() != 0; }
    CLI::App& app() { return app_; }

private:
    CLI::App app_;
    std::string name_;
    bool help_ = false;
    bool version_ = false;
};

}  // namespace program
