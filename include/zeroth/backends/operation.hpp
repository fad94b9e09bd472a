#pragma once

#include <zeroth/backends/access.hpp>
#include <zeroth/backends/stochastic_store.hpp>
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
/// weight in its block. What apply returns is stored rounded to nearest, or by the Bound's own store(Storage* to, w, element, count) if it
/// has one: a move of the base has a StochasticStore. This one, w <- w + sum c z, is the plainest.
struct Displace {
    static constexpr int coefficients = 1;
    static constexpr int sums = 1;
    static constexpr bool writes = true;

    /// Not null where the base moves: the key of the move, which 16-bit weights are then rounded by.
    const Key* base_move = nullptr;

    template <class Lanes, class Storage>
    struct Bound {
        using Real = typename Lanes::template Real<ComputeType<Storage>>;

        bool moves_base;
        StochasticStore<Lanes, Storage> store_base;

        Bound(const Displace& operation, const Block& block, std::size_t) noexcept : moves_base{operation.base_move != nullptr} {
            if (moves_base) {
                store_base = {*operation.base_move, block.identity};
            }
        }

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
        template <class Count>
        ZEROTH_INLINE void store(Storage* to, const Real& w, std::uint64_t element, Count count) const noexcept
            requires has_16_bits<Storage>
        {
            if (moves_base) {
                store_base(to, w, element, count);
            } else {
                zeroth::store<Lanes>(to, w, count);
            }
        }
        void finish() const noexcept {}
    };
};

ZEROTH_END_NAMESPACE
