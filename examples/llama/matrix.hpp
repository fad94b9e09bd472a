#pragma once

// Threads are over sequences; Eigen must not start its own inside them.
#ifndef EIGEN_DONT_PARALLELIZE
#define EIGEN_DONT_PARALLELIZE
#endif
#include <Eigen/Core>

#include <algorithm>
#include <span>
#include <type_traits>

namespace llama {

/// Activations [tokens, features], column-major: a feature's values for successive tokens are neighbours, so that everything that
/// is done to each token alike runs in vectors over tokens, whatever the model's widths.
template <class Scalar>
using Matrix = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic>;

template <class Scalar>
using Vector = Eigen::Array<Scalar, Eigen::Dynamic, 1>;

/// The first rows or columns of a Matrix, without a copy.
template <class Scalar>
using View = Eigen::Ref<Matrix<Scalar>, 0, Eigen::OuterStride<>>;
template <class Scalar>
using ConstView = Eigen::Ref<const Matrix<Scalar>, 0, Eigen::OuterStride<>>;

/// A model's weights [output, input] as they lie in its memory.
template <class Scalar>
using Weights = Eigen::Map<const Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>>;

template <class Scalar>
using WeightsOut = Eigen::Map<Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>>;

template <class Scalar>
Weights<Scalar> weights(std::span<const Scalar> values, Eigen::Index rows, Eigen::Index columns) {
    return {values.data(), rows, columns};
}

/// The type losses are summed in: double for float, the scalar itself otherwise. Specialise it for another narrow scalar.
template <class Scalar>
struct Accumulator {
    using type = Scalar;
};
template <>
struct Accumulator<float> {
    using type = double;
};

/// Rows are padded to whole vectors: a product's last few rows otherwise take a slow path.
constexpr Eigen::Index row_padding = 16;

inline Eigen::Index padded(Eigen::Index rows) { return (rows + row_padding - 1) / row_padding * row_padding; }

/// A matrix in memory, by rows or by columns as `Order` has it.
template <class Scalar, int Order>
using Strided = Eigen::Map<Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Order>, 0, Eigen::OuterStride<>>;
template <class Scalar, int Order>
using ConstStrided = Eigen::Map<const Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Order>, 0, Eigen::OuterStride<>>;

template <class Expression>
inline constexpr int order_of = Expression::IsRowMajor ? Eigen::RowMajor : Eigen::ColMajor;

/// `target (+)= left * right`, in tiles so small that Eigen packs them on the stack: no allocation whatever the sizes.
/// Each element's sum runs over the inner dimension in the same order whatever the tile.
template <bool Add, class Scalar, int TargetOrder, int LeftOrder, int RightOrder>
void multiply_tiled(Strided<Scalar, TargetOrder> target, ConstStrided<Scalar, LeftOrder> left, ConstStrided<Scalar, RightOrder> right) {
    using Eigen::Index;
    constexpr Index most = static_cast<Index>(EIGEN_STACK_ALLOCATION_LIMIT / sizeof(Scalar));
    constexpr Index rows_tile = 128, columns_tile = 128, inner_tile = most / 128;
    for (Index column = 0; column < right.cols(); column += columns_tile) {
        const Index columns = std::min(columns_tile, right.cols() - column);
        for (Index row = 0; row < left.rows(); row += rows_tile) {
            const Index rows = std::min(rows_tile, left.rows() - row);
            auto block = target.block(row, column, rows, columns);
            if constexpr (!Add) block.setZero();
            for (Index k = 0; k < left.cols(); k += inner_tile) {
                const Index inner = std::min(inner_tile, left.cols() - k);
                block.noalias() += left.block(row, k, rows, inner) * right.block(k, column, inner, columns);
            }
        }
    }
}

/// The same for whatever has a matrix in memory: one product is compiled for all of them.
template <bool Add, class Target, class Left, class Right>
void multiply_any(Target&& target, const Left& left, const Right& right) {
    using Scalar = typename Left::Scalar;
    using TargetMatrix = std::remove_cvref_t<Target>;
    static_assert(TargetMatrix::InnerStrideAtCompileTime == 1 && Left::InnerStrideAtCompileTime == 1 && Right::InnerStrideAtCompileTime == 1,
                  "the elements of a row or column must be neighbours");
    constexpr int to = order_of<TargetMatrix>, from = order_of<Left>, by = order_of<Right>;
    multiply_tiled<Add, Scalar, to, from, by>({target.data(), target.rows(), target.cols(), Eigen::OuterStride<>(target.outerStride())},
                                              {left.data(), left.rows(), left.cols(), Eigen::OuterStride<>(left.outerStride())},
                                              {right.data(), right.rows(), right.cols(), Eigen::OuterStride<>(right.outerStride())});
}

/// target = left * right.
template <class Target, class Left, class Right>
void multiply(Target&& target, const Left& left, const Right& right) {
    multiply_any<false>(target, left, right);
}

/// target += left * right.
template <class Target, class Left, class Right>
void multiply_add(Target&& target, const Left& left, const Right& right) {
    multiply_any<true>(target, left, right);
}

}  // namespace llama
