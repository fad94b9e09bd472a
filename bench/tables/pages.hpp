#pragma once

#include "results.hpp"

#include <filesystem>

/// kernels.md and kernels.svg. Throws std::runtime_error if they cannot be written.
void write_kernels(const Results& results, const std::filesystem::path& folder);

/// Whether a device was measured.
bool has_cuda(const Results& results);
/// cuda.md; of what was not measured the rows and goals. Throws std::runtime_error if it cannot be written.
void write_cuda(const Results& results, const std::filesystem::path& folder);

/// steps.md and scaling.svg. Throws std::runtime_error if they cannot be written.
void write_steps(const Results& results, const std::filesystem::path& folder);
