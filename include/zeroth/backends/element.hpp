#pragma once

#include <zeroth/backends/access.hpp>
#include <zeroth/backends/operation.hpp>
#include <zeroth/backends/traversal.hpp>
#include <zeroth/backends/tuning.hpp>
#include <zeroth/rays/ray.hpp>

#include <cstdint>

ZEROTH_BEGIN_NAMESPACE

/// What a traversal does to one register of a block's elements: host kernels and a device's threads do it alike.
template <class Lanes, class Storage, Ray R, class Operation>
struct Element {
    using Compute = ComputeType<Storage>;
    using Real = typename Lanes::template Real<Compute>;
    using Float = typename Lanes::Float;
    using Bound = typename Operation::template Bound<Lanes, Storage>;
    using Coefficients = Real[Operation::coefficients];

    /// An array's of them: where an operation has none, its one is not looked at.
    static constexpr int sums = Operation::sums == 0 ? 1 : Operation::sums;
    static constexpr bool skips = SparseRay<R> && skips_zeros<Operation>;

    /// sum <- sum + coefficient z, or whatever the operation has for it.
    template <bool First>
    ZEROTH_INLINE static void accumulate(Bound& bound, Real (&sum)[sums], const Float& z, const Coefficients& coefficient) noexcept {
        const Real wide = Lanes::template widen<Compute>(z);
        if constexpr (draws_signs<R> && requires { bound.template accumulate_sign<First>(sum, wide, coefficient); }) {
            bound.template accumulate_sign<First>(sum, wide, coefficient);
        } else {
            bound.template accumulate<First>(sum, wide, coefficient);
        }
    }

    /// Of a register that was loaded.
    template <class Count>
    ZEROTH_INLINE static void apply(Bound& bound, Storage* at, const Real& w, const Real (&sum)[sums], std::uint64_t element, Count count) noexcept {
        const Real moved = bound.apply(w, sum, element, count);
        if constexpr (!Operation::writes) {
            return;
        } else if constexpr (requires { bound.store(at, moved, element, count); }) {
            bound.store(at, moved, element, count);
        } else {
            store<Lanes>(at, moved, count);
        }
    }
    template <class Count>
    ZEROTH_INLINE static void apply(Bound& bound, Storage* at, const Real (&sum)[sums], std::uint64_t element, Count count) noexcept {
        apply(bound, at, load<Lanes>(static_cast<const Storage*>(at), count), sum, element, count);
    }

    /// Of a register's place in the sums of a chunk: Compute[sums][chunk].
    template <class Sums>
    ZEROTH_INLINE static void load_sums(Real (&sum)[sums], const Sums& partial, std::uint64_t place) noexcept {
        ZEROTH_UNROLL
        for (int s = 0; s < sums; ++s) {
            sum[s] = Access<Lanes, Compute>::load(partial[s] + place);
        }
    }
    template <class Sums>
    ZEROTH_INLINE static void store_sums(const Real (&sum)[sums], Sums& partial, std::uint64_t place) noexcept {
        ZEROTH_UNROLL
        for (int s = 0; s < sums; ++s) {
            Access<Lanes, Compute>::store(partial[s] + place, sum[s]);
        }
    }
    /// Elements first to last - 1, whose sums are a chunk's.
    template <class Sums>
    static void apply_chunk(Bound& bound, Storage* data, std::uint64_t first, std::uint64_t last, const Sums& partial) noexcept {
        constexpr auto width = static_cast<std::uint64_t>(Lanes::width);
        for (std::uint64_t element = first; element < last; element += width) {
            Real sum[sums];
            load_sums(sum, partial, element - first);
            if (element + width <= last) {
                apply(bound, data + element, sum, element, AllLanes<Lanes>{});
            } else {
                apply(bound, data + element, sum, element, SomeLanes{static_cast<int>(last - element)});
            }
        }
    }

    /// Asks for the line of an element in work some way ahead; not where the operation writes to what is cached.
    ZEROTH_INLINE static void prefetch([[maybe_unused]] const Storage* data, [[maybe_unused]] std::uint64_t element) noexcept {
        if constexpr (!requires { requires Operation::is_cached; }) {
            Tuning::prefetch(data, element);
        }
    }

    /// Whether all z of an element's stretch are 0 for each of the rays, ray_of(0) to ray_of(count - 1): then every backend leaves it alone.
    ZEROTH_NO_EXEC_CHECK
    template <class RayOf>
    ZEROTH_INLINE static bool is_zero([[maybe_unused]] const RayOf& ray_of, [[maybe_unused]] int count,
                                      [[maybe_unused]] std::uint64_t element) noexcept {
        bool zero = skips;
        if constexpr (skips) {
            constexpr std::uint64_t stretch = stretch_size<R>;
            for (int k = 0; zero && k < count; ++k) {
                zero = ray_of(k).is_zero(element / stretch * stretch, stretch);
            }
        }
        return zero;
    }
};

ZEROTH_END_NAMESPACE
