#pragma once

#include <cstdlib>
#include <filesystem>

/// A file of the data set that some tests use, found through ZEROTH_DATA_DIR; empty where it is not there.
inline std::filesystem::path data_file(const std::filesystem::path& name) {
    const char* const root = std::getenv("ZEROTH_DATA_DIR");
    const std::filesystem::path path = std::filesystem::path{root != nullptr ? root : "../shared/data"} / name;
    return std::filesystem::exists(path) ? path : std::filesystem::path{};
}
