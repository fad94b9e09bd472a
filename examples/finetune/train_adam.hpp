#pragma once

#include <cstddef>
#include <memory>

#include <llama/model.hpp>

#include "text.hpp"
#include "trainer.hpp"

namespace finetune {

/// Trains by back-propagation with Adam, the rate falling linearly to 0 over `steps`: what forward passes alone are compared with.
/// The task of its steps is `task`. Counts one forward pass a step, beside the backward pass.
std::unique_ptr<Trainer> make_adam_trainer(llama::Model<float>& model, const TextTask& task, double rate, std::size_t steps, int threads);

}  // namespace finetune
