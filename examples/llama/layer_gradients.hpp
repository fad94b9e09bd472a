#pragma once

#include <cmath>

#include "layers.hpp"

namespace llama {

/// The gradient of rms_norm: adds to the weights' gradient, unless it is empty, and to dx.
///
///   dweight[d] += sum_t scale x dy,   dx[t, d] += scale w dy - scale^3 x / dim * sum_e w_e dy_e x_e.
///
/// x and scale as in the forward pass; `dot` is scratch with a row a token.
template <class Scalar>
void rms_norm_gradient(ConstView<Scalar> x, std::span<const Scalar> weight, Eigen::Ref<const Vector<Scalar>> scale, ConstView<Scalar> dy,
                       Eigen::Ref<Vector<Scalar>> dot, std::span<Scalar> dweight, View<Scalar> dx) {
    dot.setZero();
    for (Eigen::Index d = 0; d < x.cols(); ++d) {
        const auto i = static_cast<std::size_t>(d);
        if (!dweight.empty()) dweight[i] += (scale * x.col(d).array() * dy.col(d).array()).sum();
        dot += weight[i] * dy.col(d).array() * x.col(d).array();
    }
    dot *= scale.cube() * static_cast<Scalar>(1.0 / static_cast<double>(x.cols()));
    for (Eigen::Index d = 0; d < x.cols(); ++d) {
        dx.col(d).array() += weight[static_cast<std::size_t>(d)] * scale * dy.col(d).array() - dot * x.col(d).array();
    }
}

/// gradient += left^T right: that of weights [left's columns, right's columns]. Nothing where it is empty.
template <class Scalar, class Left, class Right>
void add_outer(std::span<Scalar> gradient, const Left& left, const Right& right) {
    if (gradient.empty()) return;
    WeightsOut<Scalar> target(gradient.data(), left.cols(), right.cols());
    multiply_add(target, left.transpose(), right);
}

/// The gradient of add_lora: adds to those of a and b, and to dx. `low` and `dlow` [tokens, rank] are scratch.
template <class Scalar>
void add_lora_gradient(ConstView<Scalar> dresult, ConstView<Scalar> x, std::span<const Scalar> a, std::span<const Scalar> b, double scale, View<Scalar> low,
                       View<Scalar> dlow, std::span<Scalar> da, std::span<Scalar> db, View<Scalar> dx) {
    if (a.empty()) return;
    const auto weights_a = weights(a, low.cols(), x.cols()), weights_b = weights(b, dresult.cols(), low.cols());
    multiply(low, x, weights_a.transpose());
    low *= static_cast<Scalar>(scale);
    add_outer(db, dresult, low);
    multiply(dlow, dresult, weights_b);
    dlow *= static_cast<Scalar>(scale);
    add_outer(da, dlow, x);
    multiply_add(dx, dlow, weights_a);
}

/// The gradient of put_prefix: adds the first rows of dx to that of the prefix, unless it is empty, and makes them zero.
template <class Scalar>
void take_prefix_gradient(View<Scalar> dx, std::span<Scalar> dprefix, Eigen::Index rows) {
    if (!dprefix.empty()) WeightsOut<Scalar>(dprefix.data(), rows, dx.cols()) += dx.topRows(rows);
    dx.topRows(rows).setZero();
}

/// The gradient of result = silu(gate) * up, with s the sigmoid of the gate:
///
///   dgate = dresult up s (1 + gate (1 - s)),   dup = dresult gate s.
///
/// In place: `gate` becomes dgate, `up` becomes dup.
template <class Scalar>
void swiglu_gradient(View<Scalar> gate, View<Scalar> up, ConstView<Scalar> dresult, Eigen::Ref<Vector<Scalar>> sigmoid) {
    for (Eigen::Index column = 0; column < gate.cols(); ++column) {
        auto a = gate.col(column).array();
        auto b = up.col(column).array();
        const auto d = dresult.col(column).array();
        sigmoid = ((-a).exp() + Scalar(1)).inverse();
        for (Eigen::Index row = 0; row < a.size(); ++row) {
            const Scalar value = a[row] * sigmoid[row];
            const Scalar slope = sigmoid[row] + value * (Scalar(1) - sigmoid[row]);
            a[row] = d[row] * b[row] * slope;
            b[row] = d[row] * value;
        }
    }
}

/// Memory of attention's gradient for one thread: probabilities and their gradients [tokens, tokens].
template <class Scalar>
struct AttentionGradientScratch {
    Matrix<Scalar> probabilities, gradient;
    Vector<Scalar> largest, sum;

    void reserve(Eigen::Index tokens) {
        if (probabilities.rows() >= tokens) return;
        probabilities.resize(tokens, tokens);
        gradient.resize(tokens, tokens);
        largest.resize(tokens);
        sum.resize(tokens);
    }
};

/// P = softmax(q k^T * scale, masked above the diagonal), for one head.
template <class Scalar>
void causal_probabilities(ConstView<Scalar> q, ConstView<Scalar> k, Scalar scale, Eigen::Ref<Vector<Scalar>> largest, Eigen::Ref<Vector<Scalar>> sum,
                          View<Scalar> probabilities) {
    using Eigen::Index;
    const Index tokens = q.rows();
    multiply(probabilities, q, k.transpose());
    probabilities *= scale;
    largest.setConstant(static_cast<Scalar>(-1e30));
    for (Index key = 0; key < tokens; ++key) {
        largest.tail(tokens - key) = largest.tail(tokens - key).max(probabilities.col(key).tail(tokens - key).array());
    }
    sum.setZero();
    for (Index key = 0; key < tokens; ++key) {
        probabilities.col(key).head(key).setZero();
        auto seen = probabilities.col(key).tail(tokens - key).array();
        seen = (seen - largest.tail(tokens - key)).exp();
        sum.tail(tokens - key) += seen;
    }
    for (Index key = 0; key < tokens; ++key) probabilities.col(key).array() /= sum;
}

/// The gradient of causal_attention for one sequence; dq, dk and dv are overwritten. With P a head's probabilities and dO the
/// gradient of its result O:
///
///   dV = P^T dO,   dS = P (dO V^T - rowsum(dO O)) / sqrt(head_size),   dQ = dS K,   dK = dS^T Q,
///
/// dK and dV summed over the query heads that share them.
template <class Scalar>
void causal_attention_gradient(ConstView<Scalar> q, ConstView<Scalar> k, ConstView<Scalar> v, ConstView<Scalar> result, ConstView<Scalar> dresult,
                               Eigen::Index head_size, AttentionGradientScratch<Scalar>& scratch, View<Scalar> dq, View<Scalar> dk, View<Scalar> dv) {
    using Eigen::Index;
    const Index tokens = q.rows();
    const Index heads = q.cols() / head_size;
    const Index heads_per_kv = q.cols() / k.cols();
    const auto scale = static_cast<Scalar>(1 / std::sqrt(static_cast<double>(head_size)));
    auto probabilities = scratch.probabilities.topLeftCorner(tokens, tokens);
    auto gradient = scratch.gradient.topLeftCorner(tokens, tokens);
    auto row_dot = scratch.sum.head(tokens);
    dk.setZero();
    dv.setZero();
    for (Index head = 0; head < heads; ++head) {
        const Index own = head * head_size, shared = head / heads_per_kv * head_size;
        const auto head_q = q.middleCols(own, head_size), head_k = k.middleCols(shared, head_size), head_v = v.middleCols(shared, head_size);
        const auto head_dresult = dresult.middleCols(own, head_size);
        causal_probabilities<Scalar>(head_q, head_k, scale, scratch.largest.head(tokens), scratch.sum.head(tokens), probabilities);
        multiply_add(dv.middleCols(shared, head_size), probabilities.transpose(), head_dresult);
        multiply(gradient, head_dresult, head_v.transpose());
        row_dot.setZero();
        for (Index d = own; d < own + head_size; ++d) row_dot += dresult.col(d).array() * result.col(d).array();
        for (Index key = 0; key < tokens; ++key) {
            gradient.col(key).array() = probabilities.col(key).array() * (gradient.col(key).array() - row_dot) * scale;
        }
        multiply(dq.middleCols(own, head_size), gradient, head_k);
        multiply_add(dk.middleCols(shared, head_size), gradient.transpose(), head_q);
    }
}

}  // namespace llama
