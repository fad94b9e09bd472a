#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <span>
#include <vector>

#include "data.hpp"
#include "mlp.hpp"

namespace mnist {

/// Digits drawn at random from all, which must outlive it, as the forward pass takes them.
class Batch {
public:
    Batch(const Digits& all, std::size_t size, std::uint64_t seed)
        : all_(all), random_(seed), images_(static_cast<Eigen::Index>(size), 784), labels_(size) {}

    void draw() {
        const Eigen::Map<const Mlp::Matrix> from{all_.pixels.data(), static_cast<Eigen::Index>(all_.size()), 784};
        for (std::size_t i = 0; i < labels_.size(); ++i) {
            const std::size_t pick = random_() % all_.size();
            images_.row(static_cast<Eigen::Index>(i)) = from.row(static_cast<Eigen::Index>(pick));
            labels_[i] = all_.labels[pick];
        }
    }

    const Mlp::Matrix& images() const { return images_; }
    std::span<const int> labels() const { return labels_; }

private:
    const Digits& all_;
    std::mt19937_64 random_;
    Mlp::Matrix images_;
    std::vector<int> labels_;
};

}  // namespace mnist
