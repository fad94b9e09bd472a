#pragma once

#include <string>
#include <vector>

#include "grid.hpp"
#include "results.hpp"

namespace zo_bench {

/// The page table.md: what was done, and for each task the methods (and batches) x schemes at a glance and a table for each scheme.
std::string markdown(const Grid& grid, const std::vector<Result>& results);

/// The final losses, for the terminal.
std::string terminal_text(const Grid& grid, const std::vector<Result>& results);

}  // namespace zo_bench
