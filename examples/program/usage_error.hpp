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

/// Something of a run's results that could not be written as asked, after others were; the message says what, and where they are.
class OutputError : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// Text to print and to end with, status 0: of --help or --version.
struct Message {
    std::string text;
};

}  // namespace program
