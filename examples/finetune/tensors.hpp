#pragma once

#include <string_view>
#include <utility>

#include <llama/model.hpp>
#include <zeroth/parameters/parameters.hpp>

#include "method.hpp"

namespace finetune {

/// The tensors that a scheme trains.
zeroth::Parameters parameters_of(llama::Model<float>& model, Scheme scheme);

/// The layer that a tensor belongs to, as llama::Forward::changed() counts.
int layer_of(std::string_view name, const llama::Config& config);

/// What takes forward passes alone, and the last `layers` with what follows them, which do not; the second empty if `layers` is 0.
std::pair<zeroth::Parameters, zeroth::Parameters> split_for_hybrid(const zeroth::Parameters& parameters, int layers, const llama::Config& config);

/// Whether the method projects a tensor.
bool projects(const Method& method, const zeroth::Block& block);

}  // namespace finetune
