#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

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

/// PATTERN=FACTOR,... in parts. Throws UsageError.
std::vector<std::pair<std::string, double>> pattern_factors(const std::string& scales);

/// Throws UsageError for a pattern that fits none of the tensors that forward passes train: under --hybrid, one of first-order tensors alone.
void require_fitting_scales(const zeroth::Parameters& parameters, const std::string& scales);

}  // namespace finetune
