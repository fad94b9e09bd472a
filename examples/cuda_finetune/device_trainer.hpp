#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include <files/safetensors.hpp>

#include "trainer.hpp"

namespace cuda_finetune {

/// The CUDA device that a run would be on, and why there is none.
struct FoundDevice {
    std::string name{};     ///< empty if there is none
    std::string missing{};  ///< in words
};
FoundDevice find_device();

/// One on that device: weights in its memory, passes by cuBLAS and a few kernels, of up to `max_images` images.
/// Throws std::runtime_error where CUDA or cuBLAS reports an error (bfloat16 needs sm_80).
std::unique_ptr<Trainer> make_device_trainer(const Method& method, const files::Safetensors& weights, std::size_t max_images);

}  // namespace cuda_finetune
