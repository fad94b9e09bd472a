#pragma once

#include <zeroth/config.hpp>
#include <zeroth/random/key.hpp>

#include <cmath>
#include <cstdint>
#include <type_traits>

ZEROTH_BEGIN_NAMESPACE

/// Numbers of a direction are laid out for sixteen lanes whatever the machine has, so that every instruction set sees
/// the same ones: lane l of tile t draws from counter 16 t + l.
inline constexpr int tile_lanes = 16;

/// Elementwise arithmetic one element wide, on host and device: the specification of every wider kind of lanes.
///
/// Each function is one correctly rounded IEEE operation, or exact; none may be contracted or reassociated by the compiler. Code
/// written against lanes therefore gives the same bits on every instruction set.
struct ScalarLanes {
    static constexpr int width = 1;

    using Float = float;
    using Word = std::uint32_t;
    /// A register of weights as they are computed with: float or double.
    template <class Compute>
    using Real = Compute;

    ZEROTH_INLINE static Float broadcast(float x) noexcept { return x; }
    ZEROTH_INLINE static Word broadcast_word(std::uint32_t x) noexcept { return x; }
    template <class Compute>
    ZEROTH_INLINE static Compute broadcast_real(double x) noexcept {
        return static_cast<Compute>(x);
    }
    template <class Compute>
    ZEROTH_INLINE static Compute widen(float x) noexcept {
        return static_cast<Compute>(x);
    }
    ZEROTH_INLINE static Float load(const float* from) noexcept { return *from; }
    ZEROTH_INLINE static void store(float* to, Float x) noexcept { *to = x; }

    ZEROTH_INLINE static Word bits(Float x) noexcept { return __builtin_bit_cast(Word, x); }
    ZEROTH_INLINE static Float from_bits(Word x) noexcept { return __builtin_bit_cast(Float, x); }
    template <int Count>
    ZEROTH_INLINE static Word shift_left(Word x) noexcept {
        return x << Count;
    }
    template <int Count>
    ZEROTH_INLINE static Word shift_right(Word x) noexcept {
        return x >> Count;
    }
    /// The word read as a signed integer; exact for |x| <= 2^24, else rounded to nearest even.
    ZEROTH_INLINE static Float signed_to_float(Word x) noexcept {
        return static_cast<float>(static_cast<std::int32_t>(x));
    }
    /// Consecutive words first, first + 1, ... (mod 2^32), one a lane.
    ZEROTH_INLINE static Word iota(std::uint32_t first) noexcept { return first; }

    /// a * b rounded by itself: never fused with an addition that follows.
    template <class Compute>
    ZEROTH_INLINE static Compute product(Compute a, Compute b) noexcept {
#if defined(__CUDA_ARCH__)
        if constexpr (std::is_same_v<Compute, float>) {
            return __fmul_rn(a, b);
        } else {
            return __dmul_rn(a, b);
        }
#else
        Compute p = a * b;
#if defined(__SSE2__)
        asm("" : "+x"(p));
#elif defined(__aarch64__)
        asm("" : "+w"(p));
#else
        asm("" : "+m"(p));
#endif
        return p;
#endif
    }

    /// a * b + c where a * b is exact: fused or not is the same.
    template <class Compute>
    ZEROTH_INLINE static Compute sum_with_exact_product(Compute a, Compute b, Compute c) noexcept {
        return a * b + c;
    }

    /// a * b + c rounded once.
    ZEROTH_INLINE static Float fma(Float a, Float b, Float c) noexcept {
#if defined(__CUDA_ARCH__)
        return __fmaf_rn(a, b, c);
#elif defined(__FMA__) || defined(__aarch64__)
        return __builtin_fmaf(a, b, c);
#else
        return fma_in_double(a, b, c);
#endif
    }

    ZEROTH_INLINE static Float sqrt(Float x) noexcept {
#if defined(__CUDA_ARCH__)
        return __fsqrt_rn(x);
#else
        return std::sqrt(x);
#endif
    }
    /// 1 << lane in each lane.
    ZEROTH_INLINE static Word lane_bits() noexcept { return 1; }
    template <class Compute>
    ZEROTH_INLINE static Compute square_root(Compute x) noexcept {
#if defined(__CUDA_ARCH__)
        if constexpr (std::is_same_v<Compute, float>) {
            return __fsqrt_rn(x);
        } else {
            return __dsqrt_rn(x);
        }
#else
        return std::sqrt(x);
#endif
    }
    template <class Compute>
    ZEROTH_INLINE static Compute quotient(Compute a, Compute b) noexcept {
#if defined(__CUDA_ARCH__)
        if constexpr (std::is_same_v<Compute, float>) {
            return __fdiv_rn(a, b);
        } else {
            return __ddiv_rn(a, b);
        }
#else
        return a / b;
#endif
    }
    /// a where x is NaN, else b.
    ZEROTH_INLINE static Float where_nan(Float x, Float a, Float b) noexcept { return x != x ? a : b; }
    /// 1, -1, or 0 for zeros and NaN.
    template <class Compute>
    ZEROTH_INLINE static Compute sign(Compute x) noexcept {
        return x > Compute{0} ? Compute{1} : x < Compute{0} ? Compute{-1} : Compute{0};
    }
    template <class Compute>
    ZEROTH_INLINE static Compute abs(Compute x) noexcept {
        return x < Compute{0} ? -x : x;
    }
    template <class Compute>
    ZEROTH_INLINE static Compute larger(Compute a, Compute b) noexcept {
        return a < b ? b : a;
    }
    template <class Compute>
    ZEROTH_INLINE static Compute smaller(Compute a, Compute b) noexcept {
        return b < a ? b : a;
    }
    /// The largest lane.
    template <class Compute>
    ZEROTH_INLINE static Compute reduce_max(Compute x) noexcept {
        return x;
    }
    /// The sum of the lanes, in any order.
    template <class Compute>
    ZEROTH_INLINE static Compute reduce_add(Compute x) noexcept {
        return x;
    }

    /// N Philox evaluations: out[n] are the words of counter[n], counter[n] + 1, ... of bits[n], one a lane.
    template <int Rounds, int N>
    ZEROTH_INLINE static void philox(const PhiloxBits* const (&bits)[N], const std::uint64_t (&counters)[N], Word (&out)[N][4]) noexcept {
        for (int n = 0; n < N; ++n) {
            const PhiloxWords words = philox4x32<Rounds>(counter_words(counters[n], bits[n]->hash), bits[n]->key);
            for (int k = 0; k < 4; ++k) {
                out[n][k] = words.word[k];
            }
        }
    }

  private:
    /// Without an FMA unit: the product is exact in double; the sum is rounded to odd there, so that rounding it to float
    /// rounds once. Source: Boldo and Melquiond, "Emulation of FMA and correctly rounded sums", IEEE TC 2008.
    [[maybe_unused]] static float fma_in_double(float a, float b, float c) noexcept {
        const double product = static_cast<double>(a) * static_cast<double>(b);
        const double addend = static_cast<double>(c);
        double sum = product + addend;
        const auto pattern = __builtin_bit_cast(std::uint64_t, sum);
        constexpr std::uint64_t below_float = (std::uint64_t{1} << 29) - 1;
        if ((pattern & below_float) == std::uint64_t{1} << 28) {
            const double shifted = sum - product;
            const double lost = (product - (sum - shifted)) + (addend - shifted);
            if (lost != 0) {
                const bool away = (lost > 0) == (sum > 0);
                sum = __builtin_bit_cast(double, away ? pattern + 1 : pattern - 1);
            }
        }
        return static_cast<float>(sum);
    }
};

ZEROTH_END_NAMESPACE
