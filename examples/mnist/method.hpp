#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace mnist {

enum class EstimatorKind { two_sided, fzoo };
enum class DirectionKind { rademacher, gaussian, low_rank };
enum class ScheduleKind { constant, linear, trapezoid };

/// The method of training. The rates of the two estimators are the best of a search.
struct Method {
    EstimatorKind estimator = EstimatorKind::fzoo;
    DirectionKind direction = DirectionKind::rademacher;
    std::uint32_t queries = 8;
    double epsilon = 1e-3;
    double learning_rate = 4e-2;
    ScheduleKind schedule = ScheduleKind::linear;
    double momentum = 0;     ///< 0: none
    bool normalize = false;  ///< divides a step by the root mean square of the past estimates' coefficients
    std::vector<std::string> trained{};      ///< names of tensors; all if empty
    std::map<std::string, double> scales{};  ///< of a tensor's perturbation; 1 where there is none

    std::size_t forward_passes_per_step() const {
        return estimator == EstimatorKind::fzoo ? std::size_t{1} + queries : std::size_t{2} * queries;
    }
};

}  // namespace mnist
