#pragma once

#include <zeroth/backends/access.hpp>
#include <zeroth/backends/stochastic_store.hpp>
#include <zeroth/parameters/block.hpp>
#include <zeroth/random/key.hpp>

#include <cstddef>
#include <cstdint>

ZEROTH_BEGIN_NAMESPACE

/// Whether weights are left alone in the stretches where a SparseRay is 0.
template <class Operation>
inline constexpr bool skips_zeros = false;
template <class Operation>
    requires requires { Operation::skips_zeros; }
inline constexpr bool skips_zeros<Operation> = Operation::skips_zeros;

/// Storage types that an operation is for: all, or Operation::Storages. For others nothing is compiled.
template <class Operation>
struct StoragesOf {
    using type = AllScalarTypes;
};
template <class Operation>
    requires requires { typename Operation::Storages; }
struct StoragesOf<Operation> {
    using type = typename Operation::Storages;
};

/// An elementwise operation of a traversal: w <- apply(w, sums over the moves' rays).
///
///     struct Operation {
///         static constexpr int coefficients;  // of each move
///         static constexpr int sums;          // kept in registers while the moves are gone through
///         static constexpr bool writes;       // or only reads
///         template <class Lanes, class Storage> struct Bound {
///             Bound(const Operation&, const BlockView&, std::size_t block_index);
///             template <bool First> void accumulate(Real (&sum)[sums], Real z, const Real (&coefficient)[coefficients]);
///             Real apply(Real w, const Real (&sum)[sums], std::uint64_t element, AllLanes or SomeLanes);
///             void finish();                  // hands back what was reduced over the range; any order, any thread
///         };
///     };
///
/// with Real = Lanes::Real<ComputeType<Storage>>. A Bound belongs to one range of one block; element is the index of the register's first
/// weight in its block. What apply returns is stored rounded to nearest, or by the Bound's own store(Storage* to, w, element, count) if it
/// has one: a move of the base has a StochasticStore. Its accumulate_sign, if there, is called for directions that draw signs. An operation
/// that leaves a weight as it is where all z are 0 says `static constexpr bool skips_zeros = true`, one that is for some storage types alone
/// `using Storages = ScalarTypes<...>`.

/// w <- w + sum c z: the plainest operation.
struct Displace {
    static constexpr int coefficients = 1;
    static constexpr int sums = 1;
    static constexpr bool writes = true;
    static constexpr bool is_device_copyable = true;
    static constexpr bool skips_zeros = true;

    template <class Lanes, class Storage>
    struct Bound {
        using Real = typename Lanes::template Real<ComputeType<Storage>>;

        ZEROTH_HOST_DEVICE Bound(const Displace&, const BlockView&, std::size_t) noexcept {}

        template <bool First>
        ZEROTH_INLINE void accumulate(Real (&sum)[1], const Real& z, const Real (&coefficient)[1]) const noexcept {
            const Real part = Lanes::product(coefficient[0], z);
            if constexpr (First) {
                sum[0] = part;
            } else {
                sum[0] = sum[0] + part;
            }
        }
        /// For a z of 1 or -1, or 0.
        template <bool First>
        ZEROTH_INLINE void accumulate_sign(Real (&sum)[1], const Real& z, const Real (&coefficient)[1]) const noexcept {
            if constexpr (First) {
                sum[0] = Lanes::product(coefficient[0], z);
            } else {
                sum[0] = Lanes::sum_with_exact_product(coefficient[0], z, sum[0]);
            }
        }
        template <class Count>
        ZEROTH_INLINE Real apply(const Real& w, const Real (&sum)[1], std::uint64_t, Count) const noexcept {
            return w + sum[0];
        }
        void finish() const noexcept {}
    };
};

/// What an operation is on weights stored as Storage: another one, Operation::ToNearest, on those of more than 16 bits if there is one.
template <class Operation, class Storage>
struct OperationOn {
    using type = Operation;
    static const Operation& of(const Operation& operation) noexcept { return operation; }
};
template <class Operation, class Storage>
    requires(!has_16_bits<Storage> && requires { typename Operation::ToNearest; })
struct OperationOn<Operation, Storage> {
    using type = typename Operation::ToNearest;
    static type of(const Operation&) noexcept { return {}; }
};

/// w <- w + sum c z where it is the base that moves: 16-bit weights are rounded stochastically, with bits of the move's key.
struct DisplaceBase {
    static constexpr int coefficients = Displace::coefficients;
    static constexpr int sums = Displace::sums;
    static constexpr bool writes = true;
    static constexpr bool is_device_copyable = true;
    static constexpr bool skips_zeros = true;
    /// The operation on weights of more bits.
    using ToNearest = Displace;

    Key key;

    template <class Lanes, class Storage>
    struct Bound : Displace::Bound<Lanes, Storage> {
        StochasticStore<Lanes, Storage> store;

        ZEROTH_HOST_DEVICE Bound(const DisplaceBase& operation, const BlockView& block, std::size_t index) noexcept
            : Displace::Bound<Lanes, Storage>{Displace{}, block, index}, store{operation.key, block.identity} {}
    };
};

ZEROTH_END_NAMESPACE
