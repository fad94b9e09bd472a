#pragma once

#include "options.hpp"

namespace mnist {

/// Reads the model and the digits, adapts the one to the others, and prints how well it does before and after. Returns the
/// program's status.
int run(const Options& options);

}  // namespace mnist
