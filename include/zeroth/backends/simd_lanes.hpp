#pragma once

#include <zeroth/backends/simd_registers.hpp>
#include <zeroth/random/scalar_lanes.hpp>

#include <xsimd/xsimd.hpp>

#include <cstddef>
#include <cstdint>
#include <type_traits>

#if defined(__GNUC__) && !defined(__clang__) && defined(__AVX512F__)
// GCC's own AVX-512 intrinsics start from a register left undefined on purpose, and GCC 12 warns of it where they are inlined.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif

ZEROTH_BEGIN_NAMESPACE

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

    template <int Rounds, int N>
    ZEROTH_INLINE static void philox(const PhiloxBits* const (&bits)[N], const std::uint64_t (&counters)[N], Word (&out)[N][4]) noexcept {
        bool one_key = true;
        bool one_run = true; // of one ray's counters, whose upper words are the same
        ZEROTH_UNROLL
        for (int n = 1; n < N; ++n) {
            one_key = one_key && bits[n]->key == bits[0]->key;
            one_run = one_run && bits[n] == bits[0] && counters[n] >> 32 == counters[0] >> 32;
        }
        if (one_run) {
            philox_rounds<Rounds, N, true, true>(bits, counters, out);
        } else if (one_key) {
            philox_rounds<Rounds, N, true, false>(bits, counters, out);
        } else {
            philox_rounds<Rounds, N, false, false>(bits, counters, out);
        }
    }

  private:
    using FloatRegister = typename Float::register_type;
    using WordRegister = typename Word::register_type;

    /// Words 0 and 2 of the counters are multiplied; the products of even and odd lanes are kept apart, each in the
    /// low half of a 64-bit lane, so that no shuffle is needed between rounds. What the high halves hold is never read.
    /// Not inlined: every kernel would hold ten rounds of it, for 3 % of speed from memory.
    template <int Rounds, int N, bool OneKey, bool OneRun>
    [[gnu::noinline]] static void philox_rounds(const PhiloxBits* const (&bits)[N], const std::uint64_t (&counters)[N],
                                                Word (&out)[N][4]) noexcept {
        constexpr WordRegister tag{};
        const WordRegister multiplier_0 = registers::broadcast_even(tag, Philox4x32::multiplier_0);
        const WordRegister multiplier_1 = registers::broadcast_even(tag, Philox4x32::multiplier_1);
        constexpr int chains = 2 * N;
        constexpr int keys = OneKey ? 1 : N;
        WordRegister x[chains][4];
        Word low[keys], high[keys];
        // In the first two rounds, one of the two products is the same in all lanes.
        Word mixed_3, mixed_first, mixed_second, second_low;
        ZEROTH_UNROLL
        for (int n = 0; n < N; ++n) {
            const PhiloxWords words = counter_words(counters[n], bits[n]->hash);
            const PhiloxKey key = bits[OneKey ? 0 : n]->key;
            const PhiloxKey next = {key.low + Philox4x32::weyl_low, key.high + Philox4x32::weyl_high};
            if (n < keys) {
                low[n] = Word(registers::broadcast_even(tag, next.low));
                high[n] = Word(registers::broadcast_even(tag, next.high));
            }
            if (!OneRun || n == 0) {
                const std::uint64_t first = std::uint64_t{Philox4x32::multiplier_1} * words.word[2];
                const std::uint32_t mixed = static_cast<std::uint32_t>(first >> 32) ^ words.word[1] ^ key.low;
                const std::uint64_t second = std::uint64_t{Philox4x32::multiplier_0} * mixed;
                mixed_3 = Word(registers::broadcast_even(tag, words.word[3] ^ key.high));
                mixed_first = Word(registers::broadcast_even(tag, static_cast<std::uint32_t>(first) ^ next.low));
                mixed_second = Word(registers::broadcast_even(tag, static_cast<std::uint32_t>(second >> 32) ^ next.high));
                second_low = Word(registers::broadcast_even(tag, static_cast<std::uint32_t>(second)));
            }
            const WordRegister even = registers::add_even(registers::even_lanes(tag), registers::broadcast_even(tag, words.word[0]));
            ZEROTH_UNROLL
            for (int c = 2 * n; c < 2 * n + 2; ++c) {
                const WordRegister counter = c % 2 == 0 ? even : registers::add_even(even, registers::broadcast_even(tag, 1));
                const WordRegister product_0 = registers::multiply_even(counter, multiplier_0);
                const Word mixed_0 = Word(registers::high_half(product_0)) ^ mixed_3;
                const WordRegister product_1 = registers::multiply_even(mixed_0, multiplier_1);
                x[c][0] = Word(registers::high_half(product_1)) ^ mixed_first;
                x[c][1] = product_1;
                x[c][2] = Word(product_0) ^ mixed_second;
                x[c][3] = second_low;
            }
        }
        const Word weyl_low(Philox4x32::weyl_low);
        const Word weyl_high(Philox4x32::weyl_high);
        ZEROTH_UNROLL
        for (int round = 2; round < Rounds; ++round) {
            if constexpr (OneKey) {
                low[0] = low[0] + weyl_low;
                high[0] = high[0] + weyl_high;
            } else {
                ZEROTH_UNROLL
                for (int n = 0; n < N; ++n) {
                    const auto turn = static_cast<std::uint32_t>(round);
                    low[n] = Word(registers::broadcast_even(tag, bits[n]->key.low + turn * Philox4x32::weyl_low));
                    high[n] = Word(registers::broadcast_even(tag, bits[n]->key.high + turn * Philox4x32::weyl_high));
                }
            }
            ZEROTH_UNROLL
            for (int c = 0; c < chains; ++c) {
                const WordRegister product_0 = registers::multiply_even(x[c][0], multiplier_0);
                const WordRegister product_1 = registers::multiply_even(x[c][2], multiplier_1);
                x[c][0] = Word(registers::high_half(product_1)) ^ Word(x[c][1]) ^ low[OneKey ? 0 : c / 2];
                x[c][1] = product_1;
                x[c][2] = Word(registers::high_half(product_0)) ^ Word(x[c][3]) ^ high[OneKey ? 0 : c / 2];
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

ZEROTH_END_NAMESPACE

#if defined(__GNUC__) && !defined(__clang__) && defined(__AVX512F__)
#pragma GCC diagnostic pop
#endif
