#pragma once

#include <algorithm>
#include <cmath>

#include "matrix.hpp"

namespace llama {

/// Memory of the classifier's log-likelihood for one thread.
template <class Scalar>
struct CrossEntropyScratch {
    /// Tokens of the vocabulary whose logits are held at a time.
    static constexpr Eigen::Index tile = 256;

    Matrix<Scalar> logits;
    Vector<Scalar> largest, updated, sum, target;

    void reserve(Eigen::Index rows, Eigen::Index vocab) {
        if (logits.rows() >= rows) return;
        logits.resize(rows, std::min(tile, vocab));
        for (Vector<Scalar>* vector : {&largest, &updated, &sum, &target}) vector->resize(rows);
    }
};

/// log softmax(x classifier^T)[t, targets(t)] for every row t of x [tokens, dim], as result(t, value).
///
/// The vocabulary goes by in tiles with a running maximum, so that no exponential overflows and memory does not grow with it.
template <class Scalar, class Targets, class Result>
void log_likelihoods(ConstView<Scalar> x, Weights<Scalar> classifier, Eigen::Index count, Targets targets, CrossEntropyScratch<Scalar>& scratch, Result result) {
    using Eigen::Index;
    using std::log;
    using Sum = typename Accumulator<Scalar>::type;
    auto largest = scratch.largest.head(x.rows());
    auto updated = scratch.updated.head(x.rows());
    auto sum = scratch.sum.head(x.rows());
    largest.setConstant(static_cast<Scalar>(-1e30));
    sum.setZero();
    for (Index begin = 0; begin < classifier.rows(); begin += scratch.tile) {
        const Index width = std::min(scratch.tile, classifier.rows() - begin);
        auto logits = scratch.logits.topLeftCorner(x.rows(), width);
        multiply(logits, x, classifier.middleRows(begin, width).transpose());
        updated = largest;
        for (Index column = 0; column < width; ++column) updated = updated.max(logits.col(column).array());
        sum *= (largest - updated).exp();
        largest = updated;
        for (Index column = 0; column < width; ++column) sum += (logits.col(column).array() - largest).exp();
        for (Index row = 0; row < count; ++row) {
            const Index target = targets(row) - begin;
            if (target >= 0 && target < width) scratch.target[row] = logits(row, target);
        }
    }
    for (Index row = 0; row < count; ++row) {
        result(row, static_cast<Sum>(scratch.target[row]) - static_cast<Sum>(largest[row]) - log(static_cast<Sum>(sum[row])));
    }
}

}  // namespace llama
