#pragma once

#include "results.hpp"

#include <filesystem>

/// kernels.md and kernels.svg. Throws std::runtime_error if they cannot be written.
void write_kernels(const Results& results, const std::filesystem::path& folder);

/// steps.md and scaling.svg. Throws std::runtime_error if they cannot be written.
void write_steps(const Results& results, const std::filesystem::path& folder);
