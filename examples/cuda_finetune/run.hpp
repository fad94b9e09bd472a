#pragma once

#include "options.hpp"

namespace cuda_finetune {

/// Adapts the model to the digits and replays the run, or replays alone; prints what came of it. Returns the program's status.
int run(const Options& options);

}  // namespace cuda_finetune
