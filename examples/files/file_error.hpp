#pragma once

#include <filesystem>
#include <stdexcept>
#include <string>

namespace files {

/// A file that cannot be read or written as asked. The message is one line: `file: place: reason`, or `file: reason` where the
/// whole file is meant.
class FileError : public std::runtime_error {
public:
    FileError(const std::filesystem::path& file, const std::string& place, const std::string& reason)
        : std::runtime_error(file.string() + ": " + (place.empty() ? "" : place + ": ") + reason) {}
};

}  // namespace files
