#pragma once

#include <cstdint>
#include <string>

#include <files/safetensors.hpp>

#include "data.hpp"
#include "options.hpp"

namespace mnist {

/// A run of steps.
struct Training {
    std::uint64_t steps = 0;
    double seconds = 0;          ///< of the steps
    double forward_seconds = 0;  ///< of these, in the forward passes
    std::string backend{};
};

/// Adapts the weights to the digits by so many steps of the options' method, fewer if it is interrupted; shows its progress. Throws
/// std::runtime_error if a loss is not finite: the weights are then those before that step.
Training train(const Options& options, std::uint64_t steps, files::Safetensors& weights, const Digits& digits);

}  // namespace mnist
