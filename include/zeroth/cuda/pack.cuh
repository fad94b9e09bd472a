#pragma once

#include <zeroth/random/scalar_lanes.hpp>

#include <type_traits>

ZEROTH_BEGIN_NAMESPACE
namespace cuda {

/// A sum and a difference rounded by themselves, whatever the compiler may do with products.
template <class T>
ZEROTH_INLINE T rounded_sum(T a, T b) noexcept {
#if defined(__CUDA_ARCH__)
    if constexpr (std::is_same_v<T, float>) {
        return __fadd_rn(a, b);
    } else if constexpr (std::is_same_v<T, double>) {
        return __dadd_rn(a, b);
    } else {
        return a + b;
    }
#else
    return a + b;
#endif
}
template <class T>
ZEROTH_INLINE T rounded_difference(T a, T b) noexcept {
#if defined(__CUDA_ARCH__)
    if constexpr (std::is_same_v<T, float>) {
        return __fsub_rn(a, b);
    } else if constexpr (std::is_same_v<T, double>) {
        return __dsub_rn(a, b);
    } else {
        return a - b;
    }
#else
    return a - b;
#endif
}

/// The same numbers of a few consecutive elements, in one thread's registers. Every operation is rounded by itself.
template <class T, int N>
struct Pack {
    T lane[N];

    /// f(l) in lane l.
    template <class F>
    ZEROTH_INLINE static Pack of(const F& f) noexcept {
        Pack result;
        ZEROTH_UNROLL
        for (int l = 0; l < N; ++l) {
            result.lane[l] = f(l);
        }
        return result;
    }

    friend ZEROTH_INLINE Pack operator+(const Pack& a, const Pack& b) noexcept {
        return of([&](int l) { return rounded_sum(a.lane[l], b.lane[l]); });
    }
    friend ZEROTH_INLINE Pack operator-(const Pack& a, const Pack& b) noexcept {
        return of([&](int l) { return rounded_difference(a.lane[l], b.lane[l]); });
    }
    friend ZEROTH_INLINE Pack operator*(const Pack& a, const Pack& b) noexcept {
        if constexpr (std::is_integral_v<T>) {
            return of([&](int l) { return a.lane[l] * b.lane[l]; });
        } else {
            return of([&](int l) { return ScalarLanes::product(a.lane[l], b.lane[l]); });
        }
    }
    friend ZEROTH_INLINE Pack operator&(const Pack& a, const Pack& b) noexcept {
        return of([&](int l) { return a.lane[l] & b.lane[l]; });
    }
    friend ZEROTH_INLINE Pack operator|(const Pack& a, const Pack& b) noexcept {
        return of([&](int l) { return a.lane[l] | b.lane[l]; });
    }
    friend ZEROTH_INLINE Pack operator^(const Pack& a, const Pack& b) noexcept {
        return of([&](int l) { return a.lane[l] ^ b.lane[l]; });
    }
};

} // namespace cuda
ZEROTH_END_NAMESPACE
