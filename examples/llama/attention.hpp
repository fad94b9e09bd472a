#pragma once

#include <algorithm>
#include <cmath>

#include "matrix.hpp"

namespace llama {

/// Queries that are treated together, as one vector: the softmax of 16 queries runs in step.
constexpr Eigen::Index query_tile = row_padding;

template <class Scalar>
using Tile = Eigen::Array<Scalar, query_tile, 1>;

/// Memory of attention for one thread: a tile of queries [query_tile, head_size] and its scores [query_tile, keys].
template <class Scalar>
struct AttentionScratch {
    Vector<Scalar> queries;
    Vector<Scalar> scores;

    void reserve(Eigen::Index head_size, Eigen::Index keys) {
        if (queries.size() < query_tile * head_size) queries.resize(query_tile * head_size);
        if (scores.size() < query_tile * keys) scores.resize(query_tile * keys);
    }
};

/// result[:, c] = sum_i panel[:, i] * right(i, c) for `Columns` columns c, with panel [query_tile, inner] and
/// right(i, c) = right[i * inner_stride + c * column_stride]. The sums stay in registers.
template <Eigen::Index Columns, class Scalar>
inline void panel_product(const Scalar* panel, Eigen::Index inner, const Scalar* right, Eigen::Index inner_stride, Eigen::Index column_stride, Scalar* result) {
    using Const = Eigen::Map<const Tile<Scalar>>;
    Tile<Scalar> sums[Columns];
    for (Eigen::Index c = 0; c < Columns; ++c) sums[c].setZero();
    for (Eigen::Index i = 0; i < inner; ++i) {
        const Tile<Scalar> left = Const(panel + i * query_tile);
        for (Eigen::Index c = 0; c < Columns; ++c) sums[c] += left * right[i * inner_stride + c * column_stride];
    }
    for (Eigen::Index c = 0; c < Columns; ++c) Eigen::Map<Tile<Scalar>>(result + c * query_tile) = sums[c];
}

/// Columns whose sums fill half of the registers: 8 of AVX-512, 4 of AVX, 2 of SSE.
constexpr Eigen::Index max_columns = EIGEN_MAX_ALIGN_BYTES < 16 ? 2 : EIGEN_MAX_ALIGN_BYTES / 8;

/// The same for any number of columns.
template <class Scalar>
void panel_product(const Scalar* panel, Eigen::Index inner, const Scalar* right, Eigen::Index inner_stride, Eigen::Index column_stride, Eigen::Index columns,
                   Scalar* result) {
    Eigen::Index c = 0;
    for (; c + max_columns <= columns; c += max_columns) {
        panel_product<max_columns>(panel, inner, right + c * column_stride, inner_stride, column_stride, result + c * query_tile);
    }
    for (; c + 2 <= columns; c += 2) panel_product<2>(panel, inner, right + c * column_stride, inner_stride, column_stride, result + c * query_tile);
    for (; c < columns; ++c) panel_product<1>(panel, inner, right + c * column_stride, inner_stride, column_stride, result + c * query_tile);
}

/// Softmax over columns of tile [query_tile, keys] in place, row i being query first + i, which sees the keys up to itself.
/// Subtracting the largest score first, no exponential can overflow. Returns 1 / (sum of the exponentials) and leaves those.
template <class Scalar>
Tile<Scalar> causal_exponentials(Scalar* scores, Eigen::Index first, Eigen::Index keys) {
    const auto column = [&](Eigen::Index key) { return Eigen::Map<Tile<Scalar>>(scores + key * query_tile); };
    for (Eigen::Index key = first + 1; key < keys; ++key) column(key).head(key - first).setConstant(static_cast<Scalar>(-1e30));
    Tile<Scalar> largest = column(0);
    for (Eigen::Index key = 1; key < keys; ++key) largest = largest.max(column(key));
    Tile<Scalar> sum = Tile<Scalar>::Zero();
    for (Eigen::Index key = 0; key < keys; ++key) {
        const Tile<Scalar> exponential = (column(key) - largest).exp();
        column(key) = exponential;
        sum += exponential;
    }
    return sum.inverse();
}

/// Causal grouped-query attention of one sequence: for every head h with its key/value head g,
///
///   result_h = softmax(q_h k_g^T / sqrt(head_size), masked above the diagonal) v_g.
///
/// q, result: [tokens, heads * head_size]; k, v: [tokens, kv_heads * head_size].
template <class Scalar>
void causal_attention(ConstView<Scalar> q, ConstView<Scalar> k, ConstView<Scalar> v, Eigen::Index head_size, AttentionScratch<Scalar>& scratch,
                      View<Scalar> result) {
    using Eigen::Index;
    const Index heads = q.cols() / head_size;
    const Index heads_per_kv = q.cols() / k.cols();
    const auto scale = static_cast<Scalar>(1 / std::sqrt(static_cast<double>(head_size)));
    Eigen::Map<Eigen::Array<Scalar, query_tile, Eigen::Dynamic>> queries(scratch.queries.data(), query_tile, head_size);
    Scalar* scores = scratch.scores.data();
    for (Index head = 0; head < heads; ++head) {
        const Index column = head * head_size;
        const Scalar* keys = k.data() + head / heads_per_kv * head_size * k.outerStride();
        const Scalar* values = v.data() + head / heads_per_kv * head_size * v.outerStride();
        for (Index first = 0; first < q.rows(); first += query_tile) {
            const Index rows = std::min(query_tile, q.rows() - first);
            const Index seen = first + rows;
            if (rows < query_tile) queries.setZero();
            queries.topRows(rows) = q.block(first, column, rows, head_size).array() * scale;
            panel_product(queries.data(), head_size, keys, k.outerStride(), Index(1), seen, scores);
            const Tile<Scalar> inverse_sum = causal_exponentials(scores, first, seen);
            panel_product(scores, seen, values, Index(1), v.outerStride(), head_size, queries.data());
            result.block(first, column, rows, head_size) = (queries.colwise() * inverse_sum).topRows(rows).matrix();
        }
    }
}

}  // namespace llama
