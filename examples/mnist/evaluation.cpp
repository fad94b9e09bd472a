#include "evaluation.hpp"

#include <algorithm>
#include <cstddef>
#include <span>

namespace mnist {

Evaluation evaluate(Mlp& model, const Digits& digits) {
    const Eigen::Map<const Mlp::Matrix> images{digits.pixels.data(), static_cast<Eigen::Index>(digits.size()), 784};
    const std::span<const int> labels = digits.labels;
    Evaluation total;
    constexpr std::size_t part = 500;
    for (std::size_t first = 0; first < digits.size(); first += part) {
        const std::size_t count = std::min(part, digits.size() - first);
        const auto rows = images.middleRows(static_cast<Eigen::Index>(first), static_cast<Eigen::Index>(count));
        const auto [loss, correct] = model.loss_and_correct(rows, labels.subspan(first, count));
        total.loss += loss * static_cast<double>(count);
        total.accuracy += static_cast<double>(correct);
    }
    total.loss /= static_cast<double>(digits.size());
    total.accuracy /= static_cast<double>(digits.size());
    return total;
}

}  // namespace mnist
