#pragma once

#include <zeroth/backends/access.hpp>
#include <zeroth/random/scalar_lanes.hpp>

#include <xsimd/xsimd.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

// What xsimd has no operation for, or not in every version from 8.1 on, is chosen by the register's type below.

#if defined(__GNUC__) && !defined(__clang__) && defined(__AVX512F__)
// GCC's own AVX-512 intrinsics start from a register left undefined on purpose, and GCC 12 warns of it where they are inlined.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif

ZEROTH_BEGIN_NAMESPACE
namespace registers {

/// The first lanes alone, of registers that have masks.
template <class Register>
Register load_first(Register, const float* from, int count) = delete;
template <class Register>
void store_first(float* to, Register x, int count) = delete;

#if defined(__SSE2__)
ZEROTH_INLINE __m128i multiply_even(__m128i a, __m128i b) noexcept { return _mm_mul_epu32(a, b); }
ZEROTH_INLINE __m128i high_half(__m128i a) noexcept { return _mm_srli_epi64(a, 32); }
ZEROTH_INLINE __m128i add_even(__m128i a, __m128i b) noexcept { return _mm_add_epi64(a, b); }
ZEROTH_INLINE __m128i broadcast_even(__m128i, std::uint32_t x) noexcept { return _mm_set1_epi64x(x); }
ZEROTH_INLINE __m128i even_lanes(__m128i) noexcept { return _mm_set_epi64x(2, 0); }
ZEROTH_INLINE __m128i join(__m128i even, __m128i odd) noexcept {
    return _mm_or_si128(_mm_and_si128(even, _mm_set1_epi64x(0xFFFFFFFF)), _mm_slli_epi64(odd, 32));
}
ZEROTH_INLINE __m128i bits(__m128 x) noexcept { return _mm_castps_si128(x); }
ZEROTH_INLINE __m128 from_bits(__m128i x) noexcept { return _mm_castsi128_ps(x); }
ZEROTH_INLINE __m128 to_float(__m128i x) noexcept { return _mm_cvtepi32_ps(x); }
ZEROTH_INLINE __m128d widen_low(__m128 x) noexcept { return _mm_cvtps_pd(x); }
ZEROTH_INLINE __m128d widen_high(__m128 x) noexcept { return _mm_cvtps_pd(_mm_movehl_ps(x, x)); }
ZEROTH_INLINE __m128i load_16(__m128i, const void* from) noexcept {
    return _mm_unpacklo_epi16(_mm_loadl_epi64(static_cast<const __m128i*>(from)), _mm_setzero_si128());
}
ZEROTH_INLINE void store_16(void* to, __m128i x) noexcept {
    // Sign-extended first: SSE2 packs with signed saturation only.
    const __m128i low = _mm_srai_epi32(_mm_slli_epi32(x, 16), 16);
    _mm_storel_epi64(static_cast<__m128i*>(to), _mm_packs_epi32(low, low));
}
ZEROTH_INLINE __m128 sqrt(__m128 x) noexcept { return _mm_sqrt_ps(x); }
ZEROTH_INLINE __m128 divide(__m128 a, __m128 b) noexcept { return _mm_div_ps(a, b); }
ZEROTH_INLINE void barrier(__m128& x) noexcept { asm("" : "+x"(x)); }
ZEROTH_INLINE void barrier(__m128d& x) noexcept { asm("" : "+x"(x)); }
#if defined(__FMA__)
ZEROTH_INLINE __m128 fma(__m128 a, __m128 b, __m128 c) noexcept { return _mm_fmadd_ps(a, b, c); }
#else
/// The product is exact in double, and for the polynomials of this library so is the sum to within a rounding that
/// never falls on a tie of float: checked over all their arguments by the tests.
ZEROTH_INLINE __m128 fma(__m128 a, __m128 b, __m128 c) noexcept {
    const __m128d low = _mm_add_pd(_mm_mul_pd(widen_low(a), widen_low(b)), widen_low(c));
    const __m128d high = _mm_add_pd(_mm_mul_pd(widen_high(a), widen_high(b)), widen_high(c));
    return _mm_movelh_ps(_mm_cvtpd_ps(low), _mm_cvtpd_ps(high));
}
#endif
#if defined(__F16C__)
ZEROTH_INLINE __m128 load_half(__m128, const void* from) noexcept {
    return _mm_cvtph_ps(_mm_loadl_epi64(static_cast<const __m128i*>(from)));
}
ZEROTH_INLINE void store_half(void* to, __m128 x) noexcept {
    _mm_storel_epi64(static_cast<__m128i*>(to), _mm_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT));
}
#endif
#endif

#if defined(__AVX2__)
ZEROTH_INLINE __m256i multiply_even(__m256i a, __m256i b) noexcept { return _mm256_mul_epu32(a, b); }
ZEROTH_INLINE __m256i high_half(__m256i a) noexcept { return _mm256_srli_epi64(a, 32); }
ZEROTH_INLINE __m256i add_even(__m256i a, __m256i b) noexcept { return _mm256_add_epi64(a, b); }
ZEROTH_INLINE __m256i broadcast_even(__m256i, std::uint32_t x) noexcept { return _mm256_set1_epi64x(x); }
ZEROTH_INLINE __m256i even_lanes(__m256i) noexcept { return _mm256_set_epi64x(6, 4, 2, 0); }
ZEROTH_INLINE __m256i join(__m256i even, __m256i odd) noexcept {
    return _mm256_blend_epi32(even, _mm256_slli_epi64(odd, 32), 0xAA);
}
ZEROTH_INLINE __m256i bits(__m256 x) noexcept { return _mm256_castps_si256(x); }
ZEROTH_INLINE __m256 from_bits(__m256i x) noexcept { return _mm256_castsi256_ps(x); }
ZEROTH_INLINE __m256 to_float(__m256i x) noexcept { return _mm256_cvtepi32_ps(x); }
ZEROTH_INLINE __m256d widen_low(__m256 x) noexcept { return _mm256_cvtps_pd(_mm256_castps256_ps128(x)); }
ZEROTH_INLINE __m256d widen_high(__m256 x) noexcept { return _mm256_cvtps_pd(_mm256_extractf128_ps(x, 1)); }
ZEROTH_INLINE __m256i load_16(__m256i, const void* from) noexcept {
    return _mm256_cvtepu16_epi32(_mm_loadu_si128(static_cast<const __m128i*>(from)));
}
ZEROTH_INLINE void store_16(void* to, __m256i x) noexcept {
    const __m256i low = _mm256_and_si256(x, _mm256_set1_epi32(0xFFFF));
    const __m256i packed = _mm256_permute4x64_epi64(_mm256_packus_epi32(low, low), 0x08);
    _mm_storeu_si128(static_cast<__m128i*>(to), _mm256_castsi256_si128(packed));
}
/// All ones in the first lanes.
ZEROTH_INLINE __m256i first_lanes(int count) noexcept {
    static constexpr std::int32_t lanes[16] = {-1, -1, -1, -1, -1, -1, -1, -1};
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(lanes + 8 - count));
}
ZEROTH_INLINE __m256 load_first(__m256, const float* from, int count) noexcept { return _mm256_maskload_ps(from, first_lanes(count)); }
ZEROTH_INLINE void store_first(float* to, __m256 x, int count) noexcept { _mm256_maskstore_ps(to, first_lanes(count), x); }
ZEROTH_INLINE __m256 sqrt(__m256 x) noexcept { return _mm256_sqrt_ps(x); }
ZEROTH_INLINE __m256 divide(__m256 a, __m256 b) noexcept { return _mm256_div_ps(a, b); }
ZEROTH_INLINE void barrier(__m256& x) noexcept { asm("" : "+x"(x)); }
ZEROTH_INLINE void barrier(__m256d& x) noexcept { asm("" : "+x"(x)); }
#if defined(__FMA__)
ZEROTH_INLINE __m256 fma(__m256 a, __m256 b, __m256 c) noexcept { return _mm256_fmadd_ps(a, b, c); }
#else
ZEROTH_INLINE __m256 fma(__m256 a, __m256 b, __m256 c) noexcept {
    const __m256d low = _mm256_add_pd(_mm256_mul_pd(widen_low(a), widen_low(b)), widen_low(c));
    const __m256d high = _mm256_add_pd(_mm256_mul_pd(widen_high(a), widen_high(b)), widen_high(c));
    return _mm256_insertf128_ps(_mm256_castps128_ps256(_mm256_cvtpd_ps(low)), _mm256_cvtpd_ps(high), 1);
}
#endif
#if defined(__F16C__)
ZEROTH_INLINE __m256 load_half(__m256, const void* from) noexcept {
    return _mm256_cvtph_ps(_mm_loadu_si128(static_cast<const __m128i*>(from)));
}
ZEROTH_INLINE void store_half(void* to, __m256 x) noexcept {
    _mm_storeu_si128(static_cast<__m128i*>(to), _mm256_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT));
}
#endif
#endif

#if defined(__AVX512F__)
ZEROTH_INLINE __m512i multiply_even(__m512i a, __m512i b) noexcept { return _mm512_mul_epu32(a, b); }
ZEROTH_INLINE __m512i high_half(__m512i a) noexcept { return _mm512_srli_epi64(a, 32); }
ZEROTH_INLINE __m512i add_even(__m512i a, __m512i b) noexcept { return _mm512_add_epi64(a, b); }
ZEROTH_INLINE __m512i broadcast_even(__m512i, std::uint32_t x) noexcept { return _mm512_set1_epi64(x); }
ZEROTH_INLINE __m512i even_lanes(__m512i) noexcept { return _mm512_set_epi64(14, 12, 10, 8, 6, 4, 2, 0); }
ZEROTH_INLINE __m512i join(__m512i even, __m512i odd) noexcept {
    return _mm512_mask_mov_epi32(even, 0xAAAA, _mm512_slli_epi64(odd, 32));
}
ZEROTH_INLINE __m512i bits(__m512 x) noexcept { return _mm512_castps_si512(x); }
ZEROTH_INLINE __m512 from_bits(__m512i x) noexcept { return _mm512_castsi512_ps(x); }
ZEROTH_INLINE __m512 to_float(__m512i x) noexcept { return _mm512_cvtepi32_ps(x); }
ZEROTH_INLINE __m512d widen_low(__m512 x) noexcept { return _mm512_cvtps_pd(_mm512_castps512_ps256(x)); }
ZEROTH_INLINE __m512d widen_high(__m512 x) noexcept {
    return _mm512_cvtps_pd(_mm256_castpd_ps(_mm512_extractf64x4_pd(_mm512_castps_pd(x), 1)));
}
ZEROTH_INLINE __m512i load_16(__m512i, const void* from) noexcept {
    return _mm512_cvtepu16_epi32(_mm256_loadu_si256(static_cast<const __m256i*>(from)));
}
ZEROTH_INLINE void store_16(void* to, __m512i x) noexcept {
    _mm256_storeu_si256(static_cast<__m256i*>(to), _mm512_cvtepi32_epi16(x));
}
ZEROTH_INLINE __mmask16 first_lanes_512(int count) noexcept { return static_cast<__mmask16>((1u << count) - 1); }
ZEROTH_INLINE __m512 load_first(__m512, const float* from, int count) noexcept {
    return _mm512_maskz_loadu_ps(first_lanes_512(count), from);
}
ZEROTH_INLINE void store_first(float* to, __m512 x, int count) noexcept { _mm512_mask_storeu_ps(to, first_lanes_512(count), x); }
ZEROTH_INLINE __m512 sqrt(__m512 x) noexcept { return _mm512_sqrt_ps(x); }
ZEROTH_INLINE __m512 divide(__m512 a, __m512 b) noexcept { return _mm512_div_ps(a, b); }
ZEROTH_INLINE void barrier(__m512& x) noexcept { asm("" : "+v"(x)); }
ZEROTH_INLINE void barrier(__m512d& x) noexcept { asm("" : "+v"(x)); }
ZEROTH_INLINE __m512 fma(__m512 a, __m512 b, __m512 c) noexcept { return _mm512_fmadd_ps(a, b, c); }
ZEROTH_INLINE __m512 load_half(__m512, const void* from) noexcept {
    return _mm512_cvtph_ps(_mm256_loadu_si256(static_cast<const __m256i*>(from)));
}
ZEROTH_INLINE void store_half(void* to, __m512 x) noexcept {
    _mm256_storeu_si256(static_cast<__m256i*>(to), _mm512_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT));
}
#endif

#if defined(__aarch64__)
ZEROTH_INLINE uint32x4_t multiply_even(uint32x4_t a, uint32x4_t b) noexcept {
    return vreinterpretq_u32_u64(vmull_u32(vmovn_u64(vreinterpretq_u64_u32(a)), vmovn_u64(vreinterpretq_u64_u32(b))));
}
ZEROTH_INLINE uint32x4_t high_half(uint32x4_t a) noexcept {
    return vreinterpretq_u32_u64(vshrq_n_u64(vreinterpretq_u64_u32(a), 32));
}
ZEROTH_INLINE uint32x4_t add_even(uint32x4_t a, uint32x4_t b) noexcept {
    return vreinterpretq_u32_u64(vaddq_u64(vreinterpretq_u64_u32(a), vreinterpretq_u64_u32(b)));
}
ZEROTH_INLINE uint32x4_t broadcast_even(uint32x4_t, std::uint32_t x) noexcept {
    return vreinterpretq_u32_u64(vdupq_n_u64(x));
}
ZEROTH_INLINE uint32x4_t even_lanes(uint32x4_t) noexcept {
    return vreinterpretq_u32_u64(vcombine_u64(vcreate_u64(0), vcreate_u64(2)));
}
ZEROTH_INLINE uint32x4_t join(uint32x4_t even, uint32x4_t odd) noexcept { return vtrn1q_u32(even, odd); }
ZEROTH_INLINE uint32x4_t bits(float32x4_t x) noexcept { return vreinterpretq_u32_f32(x); }
ZEROTH_INLINE float32x4_t from_bits(uint32x4_t x) noexcept { return vreinterpretq_f32_u32(x); }
ZEROTH_INLINE float32x4_t to_float(uint32x4_t x) noexcept { return vcvtq_f32_s32(vreinterpretq_s32_u32(x)); }
ZEROTH_INLINE float64x2_t widen_low(float32x4_t x) noexcept { return vcvt_f64_f32(vget_low_f32(x)); }
ZEROTH_INLINE float64x2_t widen_high(float32x4_t x) noexcept { return vcvt_high_f64_f32(x); }
ZEROTH_INLINE uint32x4_t load_16(uint32x4_t, const void* from) noexcept {
    return vmovl_u16(vld1_u16(static_cast<const std::uint16_t*>(from)));
}
ZEROTH_INLINE void store_16(void* to, uint32x4_t x) noexcept {
    vst1_u16(static_cast<std::uint16_t*>(to), vmovn_u32(x));
}
/// xsimd 8's own is an approximation here.
ZEROTH_INLINE float32x4_t sqrt(float32x4_t x) noexcept { return vsqrtq_f32(x); }
ZEROTH_INLINE float32x4_t divide(float32x4_t a, float32x4_t b) noexcept { return vdivq_f32(a, b); }
ZEROTH_INLINE void barrier(float32x4_t& x) noexcept { asm("" : "+w"(x)); }
ZEROTH_INLINE void barrier(float64x2_t& x) noexcept { asm("" : "+w"(x)); }
ZEROTH_INLINE float32x4_t fma(float32x4_t a, float32x4_t b, float32x4_t c) noexcept { return vfmaq_f32(c, a, b); }
ZEROTH_INLINE float32x4_t load_half(float32x4_t, const void* from) noexcept {
    return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(static_cast<const std::uint16_t*>(from))));
}
ZEROTH_INLINE void store_half(void* to, float32x4_t x) noexcept {
    vst1_u16(static_cast<std::uint16_t*>(to), vreinterpret_u16_f16(vcvt_f16_f32(x)));
}
#endif

/// A register's worth of weights computed in double: two registers.
template <class Arch>
struct Doubles {
    using Half = xsimd::batch<double, Arch>;
    Half low, high;

    friend ZEROTH_INLINE Doubles operator+(const Doubles& a, const Doubles& b) noexcept {
        return {a.low + b.low, a.high + b.high};
    }
    friend ZEROTH_INLINE Doubles operator-(const Doubles& a, const Doubles& b) noexcept {
        return {a.low - b.low, a.high - b.high};
    }
};

template <class Batch>
ZEROTH_INLINE Batch product(const Batch& a, const Batch& b) noexcept {
    typename Batch::register_type p = a * b;
    barrier(p);
    return Batch(p);
}

} // namespace registers

/// Elementwise arithmetic on the registers of an xsimd architecture; each function gives ScalarLanes' bits in every lane.
template <class Arch>
struct SimdLanes {
    using Float = xsimd::batch<float, Arch>;
    using Word = xsimd::batch<std::uint32_t, Arch>;
    using Doubles = registers::Doubles<Arch>;
    template <class Compute>
    using Real = std::conditional_t<std::is_same_v<Compute, double>, Doubles, Float>;

    static constexpr int width = static_cast<int>(Float::size);
    static_assert(width <= tile_lanes && Word::size == Float::size);

    ZEROTH_INLINE static Float broadcast(float x) noexcept { return Float(x); }
    ZEROTH_INLINE static Word broadcast_word(std::uint32_t x) noexcept { return Word(x); }
    template <class Compute>
    ZEROTH_INLINE static Real<Compute> broadcast_real(double x) noexcept {
        if constexpr (std::is_same_v<Compute, double>) {
            return Doubles{typename Doubles::Half(x), typename Doubles::Half(x)};
        } else {
            return Float(static_cast<float>(x));
        }
    }
    template <class Compute>
    ZEROTH_INLINE static Real<Compute> widen(const Float& x) noexcept {
        if constexpr (std::is_same_v<Compute, double>) {
            const FloatRegister narrow = x;
            return Doubles{registers::widen_low(narrow), registers::widen_high(narrow)};
        } else {
            return x;
        }
    }
    ZEROTH_INLINE static Float load(const float* from) noexcept { return Float::load_unaligned(from); }
    ZEROTH_INLINE static void store(float* to, const Float& x) noexcept { x.store_unaligned(to); }

    ZEROTH_INLINE static Word bits(const Float& x) noexcept { return Word(registers::bits(FloatRegister(x))); }
    ZEROTH_INLINE static Float from_bits(const Word& x) noexcept { return Float(registers::from_bits(WordRegister(x))); }
    template <int Count>
    ZEROTH_INLINE static Word shift_left(const Word& x) noexcept {
        return x << Count;
    }
    template <int Count>
    ZEROTH_INLINE static Word shift_right(const Word& x) noexcept {
        return x >> Count;
    }
    ZEROTH_INLINE static Float signed_to_float(const Word& x) noexcept {
        return Float(registers::to_float(WordRegister(x)));
    }
    ZEROTH_INLINE static Word iota(std::uint32_t first) noexcept {
        alignas(64) static constexpr std::uint32_t lanes[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
        return Word(first) + Word::load_aligned(lanes);
    }

    ZEROTH_INLINE static Word lane_bits() noexcept {
        alignas(64) static constexpr std::uint32_t bits[16] = {1,     2,     4,      8,      16,     32,     64,      128,
                                                               1 << 8, 1 << 9, 1 << 10, 1 << 11, 1 << 12, 1 << 13, 1 << 14, 1 << 15};
        return Word::load_aligned(bits);
    }

    ZEROTH_INLINE static Float product(const Float& a, const Float& b) noexcept { return registers::product(a, b); }
    ZEROTH_INLINE static Doubles product(const Doubles& a, const Doubles& b) noexcept {
        return {registers::product(a.low, b.low), registers::product(a.high, b.high)};
    }
    ZEROTH_INLINE static Float sum_with_exact_product(const Float& a, const Float& b, const Float& c) noexcept {
#if defined(__FMA__) || defined(__aarch64__)
        return fma(a, b, c);
#else
        return a * b + c;
#endif
    }
    ZEROTH_INLINE static Doubles sum_with_exact_product(const Doubles& a, const Doubles& b, const Doubles& c) noexcept {
        return {a.low * b.low + c.low, a.high * b.high + c.high};
    }
    ZEROTH_INLINE static Float fma(const Float& a, const Float& b, const Float& c) noexcept {
        return Float(registers::fma(FloatRegister(a), FloatRegister(b), FloatRegister(c)));
    }
    ZEROTH_INLINE static Float sqrt(const Float& x) noexcept { return Float(registers::sqrt(FloatRegister(x))); }
    ZEROTH_INLINE static Float square_root(const Float& x) noexcept { return sqrt(x); }
    ZEROTH_INLINE static Doubles square_root(const Doubles& x) noexcept { return {xsimd::sqrt(x.low), xsimd::sqrt(x.high)}; }
    ZEROTH_INLINE static Float quotient(const Float& a, const Float& b) noexcept {
        // xsimd 8.1 divides floats on NEON by an approximate reciprocal.
        return Float(registers::divide(FloatRegister(a), FloatRegister(b)));
    }
    ZEROTH_INLINE static Doubles quotient(const Doubles& a, const Doubles& b) noexcept { return {a.low / b.low, a.high / b.high}; }
    /// Not by x != x, which in xsimd's AVX-512 before 9 is false for NaN.
    ZEROTH_INLINE static Float where_nan(const Float& x, const Float& a, const Float& b) noexcept { return xsimd::select(x == x, b, a); }
    ZEROTH_INLINE static Float sign(const Float& x) noexcept { return sign_of(x); }
    ZEROTH_INLINE static Doubles sign(const Doubles& x) noexcept { return {sign_of(x.low), sign_of(x.high)}; }
    ZEROTH_INLINE static Float abs(const Float& x) noexcept { return xsimd::abs(x); }
    ZEROTH_INLINE static Doubles abs(const Doubles& x) noexcept { return {xsimd::abs(x.low), xsimd::abs(x.high)}; }
    ZEROTH_INLINE static Float larger(const Float& a, const Float& b) noexcept { return (xsimd::max)(a, b); }
    ZEROTH_INLINE static Doubles larger(const Doubles& a, const Doubles& b) noexcept {
        return {(xsimd::max)(a.low, b.low), (xsimd::max)(a.high, b.high)};
    }
    ZEROTH_INLINE static Float smaller(const Float& a, const Float& b) noexcept { return (xsimd::min)(a, b); }
    ZEROTH_INLINE static Doubles smaller(const Doubles& a, const Doubles& b) noexcept {
        return {(xsimd::min)(a.low, b.low), (xsimd::min)(a.high, b.high)};
    }
    ZEROTH_INLINE static float reduce_max(const Float& x) noexcept {
        return reduce(x, [](float a, float b) { return a < b ? b : a; });
    }
    ZEROTH_INLINE static double reduce_max(const Doubles& x) noexcept {
        return reduce((xsimd::max)(x.low, x.high), [](double a, double b) { return a < b ? b : a; });
    }
    ZEROTH_INLINE static float reduce_add(const Float& x) noexcept {
        return reduce(x, [](float a, float b) { return a + b; });
    }
    ZEROTH_INLINE static double reduce_add(const Doubles& x) noexcept {
        return reduce(x.low + x.high, [](double a, double b) { return a + b; });
    }

    /// Words 0 and 2 of the counters are multiplied; the products of even and odd lanes are kept apart, each in the
    /// low half of a 64-bit lane, so that no shuffle is needed between rounds. What the high halves hold is never read.
    /// Not inlined: every kernel would hold ten rounds of it, for 3 % of speed from memory.
    template <int Rounds, int N>
    [[gnu::noinline]] static void philox(const Stream* const (&streams)[N], const std::uint64_t (&counters)[N],
                                     Word (&out)[N][4]) noexcept {
        constexpr WordRegister tag{};
        const WordRegister multiplier_0 = registers::broadcast_even(tag, Philox4x32::multiplier_0);
        const WordRegister multiplier_1 = registers::broadcast_even(tag, Philox4x32::multiplier_1);
        constexpr int chains = 2 * N;
        WordRegister x[chains][4];
        ZEROTH_UNROLL
        for (int c = 0; c < chains; ++c) {
            const PhiloxWords words = counter_words(counters[c / 2], streams[c / 2]->block.hash);
            x[c][0] = registers::add_even(registers::even_lanes(tag),
                                          registers::broadcast_even(tag, words.word[0] + static_cast<std::uint32_t>(c % 2)));
            x[c][1] = registers::broadcast_even(tag, words.word[1]);
            x[c][2] = registers::broadcast_even(tag, words.word[2]);
            x[c][3] = registers::broadcast_even(tag, words.word[3]);
        }
        ZEROTH_UNROLL
        for (int round = 0; round < Rounds; ++round) {
            const auto turn = static_cast<std::uint32_t>(round);
            ZEROTH_UNROLL
            for (int c = 0; c < chains; ++c) {
                const PhiloxKey key = streams[c / 2]->philox;
                const Word low{registers::broadcast_even(tag, key.low + turn * Philox4x32::weyl_low)};
                const Word high{registers::broadcast_even(tag, key.high + turn * Philox4x32::weyl_high)};
                const WordRegister product_0 = registers::multiply_even(x[c][0], multiplier_0);
                const WordRegister product_1 = registers::multiply_even(x[c][2], multiplier_1);
                x[c][0] = Word(registers::high_half(product_1)) ^ Word(x[c][1]) ^ low;
                x[c][1] = product_1;
                x[c][2] = Word(registers::high_half(product_0)) ^ Word(x[c][3]) ^ high;
                x[c][3] = product_0;
            }
        }
        ZEROTH_UNROLL
        for (int n = 0; n < N; ++n) {
            ZEROTH_UNROLL
            for (int k = 0; k < 4; ++k) {
                out[n][k] = Word(registers::join(x[2 * n][k], x[2 * n + 1][k]));
            }
        }
    }

  private:
    using FloatRegister = typename Float::register_type;
    using WordRegister = typename Word::register_type;

    template <class Batch>
    ZEROTH_INLINE static Batch sign_of(const Batch& x) noexcept {
        const Batch zero(0);
        return xsimd::select(x > zero, Batch(1), xsimd::select(x < zero, Batch(-1), zero));
    }
    template <class T, class Combine>
    ZEROTH_INLINE static T reduce(const xsimd::batch<T, Arch>& x, Combine combine) noexcept {
        constexpr std::size_t lanes = xsimd::batch<T, Arch>::size;
        T lane[lanes];
        x.store_unaligned(lane);
        T result = lane[0];
        for (std::size_t l = 1; l < lanes; ++l) {
            result = combine(result, lane[l]);
        }
        return result;
    }
};

template <class Arch, class Storage>
struct Access<SimdLanes<Arch>, Storage> {
    using Lanes = SimdLanes<Arch>;
    using Register = typename Lanes::template Real<ComputeType<Storage>>;

    ZEROTH_INLINE static Register load(const Storage* from) noexcept {
        if constexpr (std::is_same_v<Storage, float>) {
            return Register::load_unaligned(from);
        } else if constexpr (std::is_same_v<Storage, double>) {
            using Half = typename Register::Half;
            return {Half::load_unaligned(from), Half::load_unaligned(from + Half::size)};
        } else if constexpr (std::is_same_v<Storage, bfloat16>) {
            return Lanes::from_bits(Word(registers::load_16(WordRegister{}, from)) << 16);
        } else {
            return load_float16(from);
        }
    }
    ZEROTH_INLINE static void store(Storage* to, const Register& x) noexcept {
        if constexpr (std::is_same_v<Storage, float>) {
            x.store_unaligned(to);
        } else if constexpr (std::is_same_v<Storage, double>) {
            x.low.store_unaligned(to);
            x.high.store_unaligned(to + Register::Half::size);
        } else if constexpr (std::is_same_v<Storage, bfloat16>) {
            registers::store_16(to, WordRegister(rounded_bfloat16(x)));
        } else {
            store_float16(to, x);
        }
    }
    ZEROTH_INLINE static void store_upper(Storage* to, const typename Lanes::Word& bits) noexcept {
        registers::store_16(to, typename Lanes::Word::register_type(bits >> 16));
    }
    ZEROTH_INLINE static Register load_some(const Storage* from, int count) noexcept {
        if constexpr (requires { registers::load_first(FloatRegister{}, from, count); }) {
            return Float(registers::load_first(FloatRegister{}, from, count));
        } else {
            Storage buffer[Lanes::width] = {};
            std::memcpy(static_cast<void*>(buffer), from, static_cast<std::size_t>(count) * sizeof(Storage));
            return load(buffer);
        }
    }
    ZEROTH_INLINE static void store_some(Storage* to, const Register& x, int count) noexcept {
        if constexpr (requires { registers::store_first(to, FloatRegister(x), count); }) {
            registers::store_first(to, FloatRegister(x), count);
        } else {
            Storage buffer[Lanes::width];
            store(buffer, x);
            std::memcpy(static_cast<void*>(to), buffer, static_cast<std::size_t>(count) * sizeof(Storage));
        }
    }

  private:
    using Float = typename Lanes::Float;
    using Word = typename Lanes::Word;
    using FloatRegister = typename Float::register_type;
    using WordRegister = typename Word::register_type;

    ZEROTH_INLINE static Word rounded_bfloat16(const Float& x) noexcept {
        const Word bits = Lanes::bits(x);
        const Word upper = bits >> 16;
        const Word rounded = (bits + Word(0x7FFFu) + (upper & Word(1u))) >> 16;
        const Word quiet = upper | Word(0x40u);
        // xsimd 8.1's select of words does not compile for AVX-512 without optimisation; that of floats does.
        return Lanes::bits(Lanes::where_nan(x, Lanes::from_bits(quiet), Lanes::from_bits(rounded)));
    }
    ZEROTH_INLINE static Float load_float16(const Storage* from) noexcept {
#if defined(__F16C__) || defined(__aarch64__)
        return Float(registers::load_half(FloatRegister{}, from));
#else
        float lane[Lanes::width];
        for (int l = 0; l < Lanes::width; ++l) {
            lane[l] = from[l];
        }
        return Float::load_unaligned(lane);
#endif
    }
    ZEROTH_INLINE static void store_float16(Storage* to, const Float& x) noexcept {
#if defined(__F16C__) || defined(__aarch64__)
        registers::store_half(to, FloatRegister(x));
#else
        float lane[Lanes::width];
        x.store_unaligned(lane);
        for (int l = 0; l < Lanes::width; ++l) {
            to[l] = Storage{lane[l]};
        }
#endif
    }
};

ZEROTH_END_NAMESPACE

#if defined(__GNUC__) && !defined(__clang__) && defined(__AVX512F__)
#pragma GCC diagnostic pop
#endif
