#pragma once

#include <zeroth/backends/access.hpp>
#include <zeroth/random/key.hpp>

#include <cstddef>
#include <cstdint>

ZEROTH_BEGIN_NAMESPACE

/// One direction's part in a traversal: the coefficients with which it enters the operation's sums.
/// block_scale, where not null, holds a factor of the coefficients for each block.
template <int Coefficients>
struct Move {
    Key key;
    double coefficient[Coefficients];
    const double* block_scale = nullptr;
};

/// How many of an operation's coefficients are factors of z, so that a block's scale applies to them: all, or Operation::scaled.
template <class Operation>
inline constexpr int scaled_coefficients = Operation::coefficients;
template <class Operation>
    requires requires { Operation::scaled; }
inline constexpr int scaled_coefficients<Operation> = Operation::scaled;

/// An elementwise operation of a traversal: w <- apply(w, sums over the moves' directions).
///
///     struct Operation {
///         static constexpr int coefficients;  // of each move
///         static constexpr int sums;          // kept in registers while the moves are gone through
///         static constexpr bool writes;       // or only reads
///         template <class Lanes, class Storage> struct Bound {
///             Bound(const Operation&, const Block&, std::size_t block_index);
///             template <bool First> void accumulate(Real (&sum)[sums], Real z, const Real (&coefficient)[coefficients]);
///             Real apply(Real w, const Real (&sum)[sums], std::uint64_t element, AllLanes or SomeLanes);
///             void finish();                  // hands back what was reduced over the range; any order, any thread
///         };
///     };
///
/// with Real = Lanes::Real<ComputeType<Storage>>. A Bound belongs to one range of one block; element is the index of the register's first
/// weight in its block. This one, w <- w + sum c z, is the plainest.
struct Displace {
    static constexpr int coefficients = 1;
    static constexpr int sums = 1;
    static constexpr bool writes = true;

    template <class Lanes, class Storage>
    struct Bound {
        using Real = typename Lanes::template Real<ComputeType<Storage>>;

        Bound(const Displace&, const Block&, std::size_t) noexcept {}

        template <bool First>
        ZEROTH_INLINE void accumulate(Real (&sum)[1], const Real& z, const Real (&coefficient)[1]) const noexcept {
            const Real part = Lanes::product(coefficient[0], z);
            if constexpr (First) {
                sum[0] = part;
            } else {
                sum[0] = sum[0] + part;
            }
        }
        template <class Count>
        ZEROTH_INLINE Real apply(const Real& w, const Real (&sum)[1], std::uint64_t, Count) const noexcept {
            return w + sum[0];
        }
        void finish() const noexcept {}
    };
};

ZEROTH_END_NAMESPACE
