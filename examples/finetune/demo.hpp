#pragma once
#include "options.hpp"
namespace finetune {

/// The built-in run, without files: a small model is trained by back-propagation on a made-up language and then adapted to a changed
/// one, once by back-propagation and once with forward passes alone. Returns the exit status.
int demo(Options options);

}  // namespace finetune
