#pragma once

#include <stdexcept>
#include <string>

namespace program {

/// A command line that cannot be followed; the message is one line, `OPTION: REASON`.
class UsageError : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
    UsageError(const std::string& option, const std::string& reason) : std::runtime_error(option + ": " + reason) {}
};

/// Text to print and to end with, status 0: of --help or --version.
struct Message {
    std::string text;
};

}  // namespace program
