#pragma once

#include <cmath>
#include <cstddef>
#include <span>
#include <stdexcept>
#include <vector>

namespace llama {

/// Adam with decoupled weight decay, the first-order baseline.
///
///   m = beta1 m + (1 - beta1) g,  v = beta2 v + (1 - beta2) g^2,
///   w -= rate * (m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + epsilon) + weight_decay w)
///
/// State: two scalars a weight. Source: Kingma and Ba, arXiv 1412.6980; Loshchilov and Hutter, arXiv 1711.05101.
template <class Scalar>
class Adam {
public:
    struct Settings {
        double beta1 = 0.9;
        double beta2 = 0.999;
        double epsilon = 1e-8;
        double weight_decay = 0;
    };

    explicit Adam(std::size_t weights, Settings settings) : settings_(settings), mean_(weights), square_(weights) {}
    explicit Adam(std::size_t weights) : Adam(weights, Settings{}) {}

    std::size_t state_bytes() const { return 2 * mean_.size() * sizeof(Scalar); }

    /// Throws std::invalid_argument if there are not as many weights and gradients as at construction.
    void step(std::span<Scalar> weights, std::span<const Scalar> gradient, double rate) {
        if (weights.size() != mean_.size() || gradient.size() != mean_.size()) throw std::invalid_argument("Adam was made for another number of weights");
        ++steps_;
        const auto steps = static_cast<double>(steps_);
        const auto beta1 = static_cast<Scalar>(settings_.beta1), beta2 = static_cast<Scalar>(settings_.beta2);
        const auto rest1 = static_cast<Scalar>(1 - settings_.beta1), rest2 = static_cast<Scalar>(1 - settings_.beta2);
        const auto move = static_cast<Scalar>(rate / (1 - std::pow(settings_.beta1, steps)));
        const auto unbias = static_cast<Scalar>(1 / (1 - std::pow(settings_.beta2, steps)));
        const auto epsilon = static_cast<Scalar>(settings_.epsilon);
        const auto keep = static_cast<Scalar>(1 - rate * settings_.weight_decay);
        for (std::size_t i = 0; i < weights.size(); ++i) {
            mean_[i] = beta1 * mean_[i] + rest1 * gradient[i];
            square_[i] = beta2 * square_[i] + rest2 * gradient[i] * gradient[i];
            weights[i] = keep * weights[i] - move * mean_[i] / (std::sqrt(square_[i] * unbias) + epsilon);
        }
    }

private:
    Settings settings_;
    std::vector<Scalar> mean_;
    std::vector<Scalar> square_;
    long long steps_ = 0;
};

}  // namespace llama
