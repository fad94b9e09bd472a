#pragma once

#include <cstdint>
#include <vector>

#include <zeroth/cursor/term.hpp>

namespace cuda_finetune {

enum class WeightType { float32, bfloat16 };

/// ZO-SGD by two-sided differences along Gaussian directions: what moves the weights, besides the losses.
struct Method {
    WeightType weights = WeightType::float32;
    std::uint32_t queries = 1;
    double epsilon = 1e-3;
    std::uint64_t seed = 1;
};

/// A step: from it and the method follows how the weights move, with no loss and no data.
struct Step {
    std::uint64_t number = 0;
    double learning_rate = 0;
    std::vector<zeroth::Term> terms{};
};

}  // namespace cuda_finetune
