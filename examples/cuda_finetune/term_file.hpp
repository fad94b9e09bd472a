#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <files/file_error.hpp>

#include "method.hpp"

namespace cuda_finetune {

/// A run: with the weights it started from, all there is to make it again.
struct Run {
    Method method{};
    std::vector<Step> steps{};
    /// Checksums of the weights as they are stored.
    std::string start_crc32c{};
    std::string end_crc32c{};
};

/// JSON lines: the method and the checksums, then for each step its number, its learning rate and [query, coefficient] of its terms. The
/// file appears whole or not at all. Throws files::FileError.
void write_run(const std::filesystem::path& path, const Run& run);
/// Numbers come back bit for bit. Throws files::FileError naming the line.
Run read_run(const std::filesystem::path& path);

}  // namespace cuda_finetune
