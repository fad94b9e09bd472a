#pragma once

#include <cmath>

#include "matrix.hpp"
#include "rope.hpp"

namespace llama {

constexpr double rms_epsilon = 1e-5;

/// scale[t] = 1 / sqrt(mean_d x[t, d]^2 + epsilon).
template <class Scalar>
void rms_scale(ConstView<Scalar> x, Eigen::Ref<Vector<Scalar>> scale) {
    scale.setZero();
    for (Eigen::Index d = 0; d < x.cols(); ++d) scale += x.col(d).array().square();
    scale = (scale * static_cast<Scalar>(1.0 / static_cast<double>(x.cols())) + static_cast<Scalar>(rms_epsilon)).sqrt().inverse();
}

/// RMSNorm: result[t, d] = weight[d] * scale[t] * x[t, d]. `scale` is left for the backward pass.
template <class Scalar>
void rms_norm(ConstView<Scalar> x, std::span<const Scalar> weight, Eigen::Ref<Vector<Scalar>> scale, View<Scalar> result) {
    rms_scale<Scalar>(x, scale);
    for (Eigen::Index d = 0; d < x.cols(); ++d) {
        result.col(d).array() = x.col(d).array() * scale * weight[static_cast<std::size_t>(d)];
    }
}

/// Cosines and sines of rotary embedding, [position, pair], of as many positions as were asked for: what a model could read may be far more than it is given.
template <class Scalar>
struct RopeTable {
    Matrix<Scalar> cosines;
    Matrix<Scalar> sines;

    explicit RopeTable(const Config& config) : cosines(0, config.head_size() / 2), sines(0, config.head_size() / 2), head_size_(config.head_size()) {}

    void reserve(Eigen::Index positions) {
        if (cosines.rows() >= positions) return;
        cosines.resize(positions, head_size_ / 2);
        sines.resize(positions, head_size_ / 2);
        for (int pair = 0; pair < head_size_ / 2; ++pair) {
            for (int position = 0; position < positions; ++position) {
                const double angle = rope_angle(position, pair, head_size_);
                cosines(position, pair) = static_cast<Scalar>(std::cos(angle));
                sines(position, pair) = static_cast<Scalar>(std::sin(angle));
            }
        }
    }

private:
    int head_size_;
};

/// Turns features (2i, 2i + 1) of every head of x [positions 0.., heads * head_size] by the position's angle; backwards if
/// `inverse`, which is also the transpose and so the gradient. `scratch` has a row a position.
template <bool Inverse = false, class Scalar>
void rotate(View<Scalar> x, const RopeTable<Scalar>& table, Eigen::Ref<Vector<Scalar>> scratch) {
    const Eigen::Index pairs = table.cosines.cols();
    for (Eigen::Index column = 0; column < x.cols(); column += 2) {
        const Eigen::Index pair = column / 2 % pairs;
        const auto cosine = table.cosines.col(pair).head(x.rows()).array();
        const auto sine = table.sines.col(pair).head(x.rows()).array();
        auto first = x.col(column).array();
        auto second = x.col(column + 1).array();
        scratch = first;
        if constexpr (Inverse) {
            first = first * cosine + second * sine;
            second = second * cosine - scratch * sine;
        } else {
            first = first * cosine - second * sine;
            second = second * cosine + scratch * sine;
        }
    }
}

/// LoRA: result += scale (x a^T) b^T, with a [rank, input] and b [output, rank]. `low` [tokens, rank] is left as scale x a^T.
/// Nothing where there is no a.
template <class Scalar>
void add_lora(View<Scalar> result, ConstView<Scalar> x, std::span<const Scalar> a, std::span<const Scalar> b, double scale, View<Scalar> low) {
    if (a.empty()) return;
    multiply(low, x, weights(a, low.cols(), x.cols()).transpose());
    low *= static_cast<Scalar>(scale);
    multiply_add(result, low, weights(b, result.cols(), low.cols()).transpose());
}

/// The rows of a prefix, in place of the first of x. Nothing where there is none.
template <class Scalar>
void put_prefix(View<Scalar> x, std::span<const Scalar> prefix) {
    if (prefix.empty()) return;
    const auto values = weights(prefix, static_cast<Eigen::Index>(prefix.size()) / x.cols(), x.cols());
    x.topRows(values.rows()) = values;
}

/// SwiGLU: gate = silu(gate) * up, with silu(a) = a / (1 + exp(-a)). exp(-a) may overflow to infinity, which gives the limit, 0.
template <class Scalar>
void swiglu(View<Scalar> gate, ConstView<Scalar> up) {
    for (Eigen::Index column = 0; column < gate.cols(); ++column) {
        auto a = gate.col(column).array();
        a = a / ((-a).exp() + Scalar(1)) * up.col(column).array();
    }
}

}  // namespace llama
