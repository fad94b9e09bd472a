#pragma once

#include <zeroth/backends/operation.hpp>
#include <zeroth/cursor/term.hpp>

#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>

ZEROTH_BEGIN_NAMESPACE

/// What an update does to the base, element by element: base <- base + increment(base, sums over the gradient's terms).
///
///     struct Move {
///         static constexpr int coefficients;  // of each gradient term
///         static constexpr int scaled;        // the first of them are factors of z, the others are not
///         static constexpr int sums;          // formed from the terms, in their order
///         Key key;                            // names the bits of stochastic rounding
///         template <class Lanes, class Storage> struct Bound {
///             Bound(const Move&, const BlockView&, std::size_t block_index);
///             template <bool First> void accumulate(Real* sum, Real z, const Real* coefficient);
///             Real increment(Real base, const Real* sum, std::uint64_t element, AllLanes or SomeLanes);
///         };
///     };
///
/// increment is called once for each element of each update, so it may read and write state of its own there. A move may also be a
/// SizedMove. One with tables, arrays of an entry for each block, names them by for_each_table(visit), which calls visit(pointer) for each;
/// backends elsewhere than on the host ask for it (is_device_copyable).
template <class M>
concept BaseMove = std::copyable<M> && requires(const M& move) {
    { M::coefficients } -> std::convertible_to<int>;
    { M::scaled } -> std::convertible_to<int>;
    { M::sums } -> std::convertible_to<int>;
    { move.key } -> std::convertible_to<Key>;
};

/// An operation's move may have tables or not.
template <class M, class Visitor>
ZEROTH_HOST_DEVICE constexpr void for_each_table_of(M& move, Visitor& visit) {
    if constexpr (requires { move.for_each_table(visit); }) {
        move.for_each_table(visit);
    }
}

/// A move that knows its size: the root mean square of the increments but for a weight decay, along independent directions with E z^2 = 1
/// times a factor, that of a block-scaled direction in a block.
template <class M>
concept SizedMove = BaseMove<M> && requires(const M& move, std::span<const GradientTerm<M::coefficients>> gradient, double factor) {
    { move.size(gradient, factor) } -> std::same_as<double>;
};

/// The mean square of g = sum c z over such directions.
[[nodiscard]] inline double sum_of_squares(std::span<const GradientTerm<1>> gradient) noexcept {
    double sum = 0;
    for (const GradientTerm<1>& term : gradient) {
        sum += term.coefficient[0] * term.coefficient[0];
    }
    return sum;
}

/// The accumulate of moves that need g = sum c z alone.
template <class Lanes, class Storage>
struct PlainSum {
    using Real = typename Lanes::template Real<ComputeType<Storage>>;

    template <bool First>
    ZEROTH_INLINE static void accumulate(Real* sum, const Real& z, const Real* coefficient) noexcept {
        const Real part = Lanes::product(coefficient[0], z);
        if constexpr (First) {
            sum[0] = part;
        } else {
            sum[0] = sum[0] + part;
        }
    }
};

/// base <- decay * base + scale * g.
struct LinearMove {
    static constexpr int coefficients = 1;
    static constexpr int scaled = 1;
    static constexpr int sums = 1;
    static constexpr bool is_device_copyable = true;

    double decay = 1;
    double scale = 0;
    Key key;

    [[nodiscard]] double size(std::span<const GradientTerm<1>> gradient, double factor) const noexcept {
        return std::abs(scale) * factor * std::sqrt(sum_of_squares(gradient));
    }

    template <class Lanes, class Storage>
    struct Bound : PlainSum<Lanes, Storage> {
        using Compute = ComputeType<Storage>;
        using Real = typename Lanes::template Real<Compute>;

        Real shrink;
        Real scale;

        ZEROTH_HOST_DEVICE Bound(const LinearMove& move, const BlockView&, std::size_t) noexcept
            : shrink{Lanes::template broadcast_real<Compute>(move.decay - 1)},
              scale{Lanes::template broadcast_real<Compute>(move.scale)} {}

        template <class Count>
        ZEROTH_INLINE Real increment(const Real& base, const Real* sum, std::uint64_t, Count) const noexcept {
            return Lanes::product(scale, sum[0]) + Lanes::product(shrink, base);
        }
    };
};

ZEROTH_END_NAMESPACE
