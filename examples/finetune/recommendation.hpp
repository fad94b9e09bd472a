#pragma once

#include <cstddef>

#include "options.hpp"
#include "task.hpp"

namespace finetune {

/// Sets epsilon and the learning rate to what zeroth recommends for the model and so many steps of the task, from losses of a few of its
/// batches. Returns the forward passes made.
std::size_t take_recommended(Options& options, llama::Model<float>& model, Task& task, std::size_t steps);

}  // namespace finetune
