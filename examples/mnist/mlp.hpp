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

    /// What loss_and_correct() tells of a batch.
    struct LossAndCorrect {
        double loss = 0;
        std::size_t correct = 0;  ///< images whose highest score is their label's
    };

    /// A view of the weights, which must outlive it: fc1.weight [hidden, 784] with hidden at least 1, fc1.bias [hidden],
    /// fc2.weight [10, hidden] and fc2.bias [10]. Throws std::runtime_error naming the tensor that is not there or has another shape.
    /// threads: of a forward pass; 0: as many as OpenMP would use.
    explicit Mlp(const files::Safetensors& weights, int threads = 0)
        : threads_{threads}, w1_{first_layer(weights, "fc1.weight")}, b1_{bias(weights, "fc1.bias", w1_.rows())},
          w2_{matrix(weights, "fc2.weight", 10, w1_.rows())}, b2_{bias(weights, "fc2.bias", 10)} {}

    /// Mean cross-entropy, in nats, of a batch of images (a row each) and labels from 0 to 9.
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

    /// The same loss, and what the forward pass recognises.
    LossAndCorrect loss_and_correct(const Eigen::Ref<const Matrix>& images, std::span<const int> labels) {
        LossAndCorrect result{.loss = loss(images, labels)};
        for (Eigen::Index i = 0; i < scores_.rows(); ++i) {
            Eigen::Index best = 0;
            scores_.row(i).maxCoeff(&best);
            result.correct += best == labels[static_cast<std::size_t>(i)] ? 1 : 0;
        }
        return result;
    }

private:
    using Tensor = files::Safetensors::Tensor;
    using View = Eigen::Map<const Matrix>;

    static const Tensor& find(const files::Safetensors& weights, const std::string& name) {
        const Tensor* const tensor = weights.find(name);
        if (tensor == nullptr) throw std::runtime_error("the model has no tensor " + name);
        return *tensor;
    }

    static void require_shape(bool right, const Tensor& tensor, const std::string& needed) {
        if (right) return;
        throw std::runtime_error("tensor " + tensor.name + " is " + std::to_string(tensor.rows) + " x " + std::to_string(tensor.columns) +
                                 ", not " + needed);
    }

    static View view(const Tensor& tensor, Eigen::Index rows, Eigen::Index columns) { return {tensor.values.data(), rows, columns}; }

    static View first_layer(const files::Safetensors& weights, const std::string& name) {
        const Tensor& tensor = find(weights, name);
        require_shape(tensor.rows > 0 && tensor.columns == 784, tensor, "rows of 784");
        return view(tensor, static_cast<Eigen::Index>(tensor.rows), 784);
    }

    static View matrix(const files::Safetensors& weights, const std::string& name, Eigen::Index rows, Eigen::Index columns) {
        const Tensor& tensor = find(weights, name);
        require_shape(tensor.rows == static_cast<std::size_t>(rows) && tensor.columns == static_cast<std::size_t>(columns), tensor,
                      std::to_string(rows) + " x " + std::to_string(columns));
        return view(tensor, rows, columns);
    }

    /// As a row, whichever way the vector lies in the file.
    static View bias(const files::Safetensors& weights, const std::string& name, Eigen::Index size) {
        const Tensor& tensor = find(weights, name);
        require_shape(tensor.values.size() == static_cast<std::size_t>(size), tensor, std::to_string(size) + " numbers");
        return view(tensor, 1, size);
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
    View w1_, b1_, w2_, b2_;
    Matrix hidden_, scores_;
};

}  // namespace mnist
