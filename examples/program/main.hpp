#pragma once

#include <functional>

namespace program {

/// What run() returns; 2, and one line on standard error that begins with the program's name, if it throws.
int run_main(const char* name, const std::function<int()>& run);

}  // namespace program
