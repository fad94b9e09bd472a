#pragma once

#include "options.hpp"

namespace finetune {

/// What the options ask of a model in a file: train it, evaluate it, let it write. Returns the exit status.
/// Throws files::FileError, UsageError and std::invalid_argument with a message of one line.
int run(Options options);

}  // namespace finetune
