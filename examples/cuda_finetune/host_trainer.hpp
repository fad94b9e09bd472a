#pragma once

#include <memory>

#include <files/safetensors.hpp>

#include "trainer.hpp"

namespace cuda_finetune {

/// One on this machine's processor, whose passes are computed in float32. threads: 0 for all.
std::unique_ptr<Trainer> make_host_trainer(const Method& method, const files::Safetensors& weights, int threads);

}  // namespace cuda_finetune
