#pragma once

#include <algorithm>
#include <span>
#include <string>
#include <vector>

#include <files/safetensors.hpp>
#include <zeroth/backends/simd.hpp>
#include <zeroth/backends/threads.hpp>
#include <zeroth/parameters/parameters.hpp>

namespace mnist {

/// The processor's vectors on all its cores, compiled for the one type that the weights have.
using Backend = zeroth::Threads<zeroth::Simd<zeroth::WidestArch, zeroth::ScalarTypes<float>>>;

/// Views of the tensors that are trained: those of these names, or all if there is none.
inline zeroth::Parameters parameters_of(files::Safetensors& weights, const std::vector<std::string>& trained) {
    zeroth::Parameters parameters;
    for (files::Safetensors::Tensor& tensor : weights.tensors) {
        if (trained.empty() || std::ranges::find(trained, tensor.name) != trained.end()) {
            parameters.add(tensor.name, std::span{tensor.values}, {.rows = tensor.rows, .columns = tensor.columns});
        }
    }
    return parameters;
}

}  // namespace mnist
