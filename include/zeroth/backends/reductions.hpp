#pragma once

#include <zeroth/backends/access.hpp>
#include <zeroth/parameters/block.hpp>
#include <zeroth/random/scalar_lanes.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>

ZEROTH_BEGIN_NAMESPACE

/// What operations' finish() merges, in any order and from any thread. On a device the threads of a warp call them together.
struct Merge {
    /// The largest of numbers that are not negative; NaN if one is.
    ZEROTH_HOST_DEVICE static void largest(double& result, double seen) noexcept {
#if defined(__CUDA_ARCH__)
        // Their bits are ordered as they are, a NaN's beyond them.
        unsigned long long bits = __builtin_bit_cast(unsigned long long, seen) & ~(1ull << 63);
        for (int distance = 16; distance > 0; distance /= 2) {
            const unsigned long long other = __shfl_down_sync(0xFFFFFFFFu, bits, distance);
            bits = bits < other ? other : bits;
        }
        if (threadIdx.x % 32 == 0) {
            atomicMax(reinterpret_cast<unsigned long long*>(&result), bits);
        }
#else
        // The compiler's builtins: <atomic> would cost more time to include than all of zeroth.
        double before = 0;
        __atomic_load(&result, &before, __ATOMIC_RELAXED);
        // A NaN stays, and replaces whatever is smaller.
        while (before == before && !(seen <= before) &&
               !__atomic_compare_exchange(&result, &before, &seen, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
        }
#endif
    }
    ZEROTH_HOST_DEVICE static void sum(std::int64_t& result, std::int64_t seen) noexcept {
#if defined(__CUDA_ARCH__)
        auto bits = static_cast<unsigned long long>(seen);
        for (int distance = 16; distance > 0; distance /= 2) {
            bits += __shfl_down_sync(0xFFFFFFFFu, bits, distance);
        }
        if (threadIdx.x % 32 == 0) {
            atomicAdd(reinterpret_cast<unsigned long long*>(&result), bits);
        }
#else
        __atomic_fetch_add(&result, seen, __ATOMIC_RELAXED);
#endif
    }
};

/// The largest magnitude of each block's weights, NaN where one is not finite: gathered register by register, merged in any order.
struct LargestMagnitude {
    static constexpr int coefficients = 1;
    static constexpr int sums = 0;
    static constexpr bool writes = false;
    static constexpr bool is_device_copyable = true;

    /// One a block, to begin with 0.
    double* largest = nullptr;

    template <class Visitor>
    ZEROTH_HOST_DEVICE constexpr void for_each_table(Visitor& visit) {
        visit(largest);
    }

    /// What one range of a block has seen so far.
    template <class Lanes, class Compute>
    struct Seen {
        using Real = typename Lanes::template Real<Compute>;

        Real largest = Lanes::template broadcast_real<Compute>(0);
        /// NaN once a number was not finite.
        Real poison = Lanes::template broadcast_real<Compute>(0);

        ZEROTH_INLINE void see(const Real& w) noexcept {
            largest = Lanes::larger(largest, Lanes::abs(w));
            poison = poison + (w - w);
        }
        ZEROTH_HOST_DEVICE void merge_into(double& result) const noexcept {
            Merge::largest(result, static_cast<double>(Lanes::reduce_max(largest)) + static_cast<double>(Lanes::reduce_add(poison)));
        }
    };

    template <class Lanes, class Storage>
    struct Bound {
        using Compute = ComputeType<Storage>;
        using Real = typename Lanes::template Real<Compute>;

        Seen<Lanes, Compute> seen{};
        double& result;

        ZEROTH_HOST_DEVICE Bound(const LargestMagnitude& operation, const BlockView&, std::size_t block) noexcept
            : result{operation.largest[block]} {}

        template <bool First, class... Ignored>
        ZEROTH_INLINE void accumulate(const Ignored&...) const noexcept {}
        template <class Count>
        ZEROTH_INLINE Real apply(const Real& w, const Real (&)[1], std::uint64_t, Count) noexcept {
            seen.see(w);
            return w;
        }
        ZEROTH_HOST_DEVICE void finish() const noexcept { seen.merge_into(result); }
    };
};

/// A sum of squares in whole units, in two parts: (high 2^24 + low) / scale^2. Exact in any order.
struct SquaredUnits {
    static constexpr int low_bits = 24;

    std::int64_t high = 0;
    std::int64_t low = 0;
    /// A power of two by which numbers are multiplied before they are squared: the largest is then in [2^23, 2^24).
    double scale = 1;

    /// To begin a sum whose largest number is given, and finite. Numbers beyond 2^-900 and 2^900 are out of its range.
    [[nodiscard]] static SquaredUnits of_largest(double largest) noexcept {
        int exponent = 0;
        std::frexp(largest, &exponent);
        return {0, 0, std::ldexp(1.0, low_bits - (exponent < -900 ? -900 : exponent))};
    }
    /// Relative error: under n 2^-48 for n numbers.
    [[nodiscard]] double norm() const noexcept {
        return std::sqrt(static_cast<double>(high) * 0x1p24 + static_cast<double>(low)) / scale;
    }

    /// The first `count` of a register's numbers.
    template <class Lanes, class Compute>
    ZEROTH_INLINE void add(const typename Lanes::template Real<Compute>& x, int count) noexcept {
        Compute lane[Lanes::width];
        Access<Lanes, Compute>::store(lane, x);
        for (int l = 0; l < count; ++l) {
            const double scaled = static_cast<double>(lane[l]) * scale;
            const auto square = static_cast<std::int64_t>(ScalarLanes::product(scaled, scaled) + 0.5);
            high += square >> low_bits;
            low += square & ((std::int64_t{1} << low_bits) - 1);
        }
    }
    ZEROTH_HOST_DEVICE void merge_into(SquaredUnits& result) const noexcept {
        Merge::sum(result.high, high);
        Merge::sum(result.low, low);
    }
};

/// The sum of squares of each block's weights.
struct SquaredWeights {
    static constexpr int coefficients = 1;
    static constexpr int sums = 0;
    static constexpr bool writes = false;
    static constexpr bool is_device_copyable = true;

    /// One a block, begun with its largest magnitude.
    SquaredUnits* units = nullptr;

    template <class Visitor>
    ZEROTH_HOST_DEVICE constexpr void for_each_table(Visitor& visit) {
        visit(units);
    }

    template <class Lanes, class Storage>
    struct Bound {
        using Compute = ComputeType<Storage>;
        using Real = typename Lanes::template Real<Compute>;

        SquaredUnits seen;
        SquaredUnits& result;

        ZEROTH_HOST_DEVICE Bound(const SquaredWeights& operation, const BlockView&, std::size_t block) noexcept
            : seen{0, 0, operation.units[block].scale}, result{operation.units[block]} {}

        template <bool First, class... Ignored>
        ZEROTH_INLINE void accumulate(const Ignored&...) const noexcept {}
        ZEROTH_INLINE Real apply(const Real& w, const Real (&)[1], std::uint64_t, AllLanes<Lanes>) noexcept {
            seen.add<Lanes, Compute>(w, Lanes::width);
            return w;
        }
        ZEROTH_INLINE Real apply(const Real& w, const Real (&)[1], std::uint64_t, SomeLanes lanes) noexcept {
            seen.add<Lanes, Compute>(w, lanes.count);
            return w;
        }
        ZEROTH_HOST_DEVICE void finish() const noexcept { seen.merge_into(result); }
    };
};

/// round(2^15 z)^2, exact for |z| < 128: what a normalised direction sums. Relative error of the sum: under 2^-15 / rms(z).
ZEROTH_HOST_DEVICE inline std::int64_t squared_units(float z) noexcept {
    const float scaled = z * 0x1p15f;
    const auto units = static_cast<std::int64_t>(scaled < 0 ? scaled - 0.5f : scaled + 0.5f);
    return units * units;
}

/// The sum of squared_units(z) over each block, for a normalised direction. Whole numbers: exact in any order.
struct SquaredNorm {
    static constexpr int coefficients = 1;
    static constexpr int sums = 1;
    static constexpr bool writes = false;

    /// One a block, to begin with 0.
    std::int64_t* units = nullptr;

    template <class Lanes, class Storage>
    struct Bound {
        using Compute = ComputeType<Storage>;
        using Real = typename Lanes::template Real<Compute>;

        std::int64_t seen = 0;
        std::int64_t& result;

        Bound(const SquaredNorm& operation, const BlockView&, std::size_t block) noexcept : result{operation.units[block]} {}

        template <bool First>
        ZEROTH_INLINE void accumulate(Real (&sum)[1], const Real& z, const Real (&)[1]) const noexcept {
            sum[0] = z;
        }
        ZEROTH_INLINE Real apply(const Real& w, const Real (&sum)[1], std::uint64_t, AllLanes<Lanes>) noexcept {
            return add(w, sum[0], Lanes::width);
        }
        ZEROTH_INLINE Real apply(const Real& w, const Real (&sum)[1], std::uint64_t, SomeLanes lanes) noexcept {
            return add(w, sum[0], lanes.count);
        }
        void finish() const noexcept { Merge::sum(result, seen); }

      private:
        ZEROTH_INLINE Real add(const Real& w, const Real& z, int count) noexcept {
            Compute lane[Lanes::width];
            Access<Lanes, Compute>::store(lane, z);
            for (int l = 0; l < count; ++l) {
                seen += squared_units(static_cast<float>(lane[l]));
            }
            return w;
        }
    };
};

ZEROTH_END_NAMESPACE
