#pragma once

#include <zeroth/config.hpp>

#include <xsimd/xsimd.hpp>

#include <cstddef>
#include <cstdint>

// What xsimd has no operation for, or not in every version from 8.1 on, by the register's type.

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
/// bfloat16s in the upper halves of words, and the nearest ones to floats, of registers that have fewer instructions for it than others.
template <class Register>
Register load_upper(Register, const void* from) = delete;
template <class Register>
void store_upper(void* to, Register x) = delete;
template <class Register>
Register nearest_upper(Register x) = delete;

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
ZEROTH_INLINE __m256i load_upper(__m256i, const void* from) noexcept {
    const __m256i bytes = _mm256_set_epi8(15, 14, -1, -1, 13, 12, -1, -1, 11, 10, -1, -1, 9, 8, -1, -1, //
                                          7, 6, -1, -1, 5, 4, -1, -1, 3, 2, -1, -1, 1, 0, -1, -1);
    return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(_mm_loadu_si128(static_cast<const __m128i*>(from))), bytes);
}
ZEROTH_INLINE void store_upper(void* to, __m256i x) noexcept {
    const __m256i upper = _mm256_set1_epi64x(0x0F0E0B0A07060302);
    const __m256i low = _mm256_permute4x64_epi64(_mm256_shuffle_epi8(x, upper), 0x08);
    _mm_storeu_si128(static_cast<__m128i*>(to), _mm256_castsi256_si128(low));
}
/// Ties to even, and a NaN quiet.
ZEROTH_INLINE __m256i nearest_upper(__m256 x) noexcept {
    const __m256i bits = _mm256_castps_si256(x);
    const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
    const __m256i rounded = _mm256_add_epi32(bits, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7FFF)));
    const __m256 nan = _mm256_cmp_ps(x, x, _CMP_UNORD_Q);
    if (_mm256_movemask_ps(nan) == 0) [[likely]] {
        return rounded;
    }
    const __m256i quiet = _mm256_or_si256(bits, _mm256_set1_epi32(0x400000));
    return _mm256_blendv_epi8(rounded, quiet, _mm256_castps_si256(nan));
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
ZEROTH_INLINE __m512i load_upper(__m512i tag, const void* from) noexcept {
#if defined(__AVX512VBMI__)
    static_cast<void>(tag);
    alignas(64) static constexpr std::uint8_t bytes[64] = {
        0, 0, 0,  1,  0, 0, 2,  3,  0, 0, 4,  5,  0, 0, 6,  7,  0, 0, 8,  9,  0, 0, 10, 11, 0, 0, 12, 13, 0, 0, 14, 15,
        0, 0, 16, 17, 0, 0, 18, 19, 0, 0, 20, 21, 0, 0, 22, 23, 0, 0, 24, 25, 0, 0, 26, 27, 0, 0, 28, 29, 0, 0, 30, 31};
    const __m512i low = _mm512_castsi256_si512(_mm256_loadu_si256(static_cast<const __m256i*>(from)));
    return _mm512_maskz_permutexvar_epi8(0xCCCCCCCCCCCCCCCC, _mm512_load_si512(bytes), low);
#else
    return _mm512_slli_epi32(load_16(tag, from), 16);
#endif
}
ZEROTH_INLINE void store_upper(void* to, __m512i x) noexcept {
#if defined(__AVX512VBMI__)
    alignas(64) static constexpr std::uint8_t bytes[64] = {2,  3,  6,  7,  10, 11, 14, 15, 18, 19, 22, 23, 26, 27, 30, 31,
                                                           34, 35, 38, 39, 42, 43, 46, 47, 50, 51, 54, 55, 58, 59, 62, 63};
    const __m512i low = _mm512_permutexvar_epi8(_mm512_load_si512(bytes), x);
    _mm256_storeu_si256(static_cast<__m256i*>(to), _mm512_castsi512_si256(low));
#else
    store_16(to, _mm512_srli_epi32(x, 16));
#endif
}
/// Ties to even, and a NaN quiet.
ZEROTH_INLINE __m512i nearest_upper(__m512 x) noexcept {
    const __m512i bits = _mm512_castps_si512(x);
    const __mmask16 odd = _mm512_test_epi32_mask(bits, _mm512_set1_epi32(0x10000));
    const __m512i half = _mm512_add_epi32(bits, _mm512_set1_epi32(0x7FFF));
    const __m512i rounded = _mm512_mask_sub_epi32(half, odd, half, _mm512_set1_epi32(-1));
    const __mmask16 nan = _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q);
    return _mm512_mask_or_epi32(rounded, nan, bits, _mm512_set1_epi32(0x400000));
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

ZEROTH_END_NAMESPACE

#if defined(__GNUC__) && !defined(__clang__) && defined(__AVX512F__)
#pragma GCC diagnostic pop
#endif
