#pragma once

#include <functional>

namespace program {

/// What run() returns; if it throws 1 for an OutputError, else 2, and one line on standard error that begins with the program's name. Where not all that was
/// printed has arrived, a 0 becomes a 1, with such a line.
int run_main(const char* name, const std::function<int()>& run);

}  // namespace program
