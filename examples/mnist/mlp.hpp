#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <stdexcept>
#include <string>

#include <Eigen/Dense>
#include <files/safetensors.hpp>
#if defined(_OPENMP)
#include <omp.h>
#endif

namespace mnist {

/// The custom forward pass of the example: a perceptron 784-500-10 with ReLU, on weights in memory that the optimizer moves.
class Mlp {
public:
    using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

    /// A view of the weights, which must outlive it. Throws std::runtime_error naming the tensor that is not there.
    /// threads: of a forward pass; 0: as many as OpenMP would use.
    explicit Mlp(const files::Safetensors& weights, int threads = 0)
        : threads_{threads}, w1_{view(weights, "fc1.weight", 784)}, b1_{view(weights, "fc1.bias", w1_.rows())},
          w2_{view(weights, "fc2.weight", w1_.rows())}, b2_{view(weights, "fc2.bias", w2_.rows())} {}

    /// Mean cross-entropy, in nats, of a batch of images (a row each) and labels.
    double loss(const Eigen::Ref<const Matrix>& images, std::span<const int> labels) {
        forward(images);
        double total = 0;
        for (Eigen::Index i = 0; i < scores_.rows(); ++i) {
            const float largest = scores_.row(i).maxCoeff();
            const double sum = (scores_.row(i).array() - largest).exp().sum();
            total += largest + std::log(sum) - scores_(i, labels[static_cast<std::size_t>(i)]);
        }
        return total / static_cast<double>(scores_.rows());
    }

    /// Of the images that loss() was last given: those whose highest score is their label's.
    std::size_t correct(std::span<const int> labels) const {
        std::size_t count = 0;
        for (Eigen::Index i = 0; i < scores_.rows(); ++i) {
            Eigen::Index best = 0;
            scores_.row(i).maxCoeff(&best);
            count += best == labels[static_cast<std::size_t>(i)] ? 1 : 0;
        }
        return count;
    }

private:
    static Eigen::Map<const Matrix> view(const files::Safetensors& weights, const std::string& name, Eigen::Index columns) {
        const files::Safetensors::Tensor* const tensor = weights.find(name);
        if (tensor == nullptr) throw std::runtime_error("the model has no tensor " + name);
        const auto size = static_cast<Eigen::Index>(tensor->values.size());
        if (columns == 0 || size % columns != 0) {
            throw std::runtime_error("tensor " + name + " has " + std::to_string(size) + " elements, not rows of " +
                                     std::to_string(columns));
        }
        return {tensor->values.data(), size / columns, columns};
    }

    /// In parts of the batch, the same for any number of threads, and so are the bits: Eigen's own threads split sums.
    void forward(const Eigen::Ref<const Matrix>& images) {
        constexpr Eigen::Index part = 64;
        hidden_.resize(images.rows(), w1_.rows());
        scores_.resize(images.rows(), w2_.rows());
#if defined(_OPENMP)
        const int threads = threads_ > 0 ? threads_ : omp_get_max_threads();
#pragma omp parallel for schedule(static) num_threads(threads) if (threads > 1 && images.rows() > part)
#endif
        for (Eigen::Index first = 0; first < images.rows(); first += part) {
            const Eigen::Index rows = std::min(part, images.rows() - first);
            auto hidden = hidden_.middleRows(first, rows);
            auto scores = scores_.middleRows(first, rows);
            hidden.noalias() = images.middleRows(first, rows) * w1_.transpose();
            hidden = (hidden.rowwise() + b1_.row(0)).cwiseMax(0.0f);
            scores.noalias() = hidden * w2_.transpose();
            scores.rowwise() += b2_.row(0);
        }
    }

    int threads_;
    Eigen::Map<const Matrix> w1_, b1_, w2_, b2_;
    Matrix hidden_, scores_;
};

}  // namespace mnist
