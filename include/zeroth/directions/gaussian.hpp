#pragma once

#include <zeroth/directions/direction.hpp>

#include <cstdint>
#include <string_view>

ZEROTH_BEGIN_NAMESPACE

/// Standard normal numbers: Box and Muller's transform of 32 random bits into two of them.
///
///   r = sqrt(-2 ln u),  z = (+-r cos a, r sin a),  u = (low 16 bits + 1/2) / 2^16,
///   a = pi ((bits 16..30 + 1/2) / 2^15 - 1/2), the sign being bit 31
///
/// Over all 2^32 words: mean exactly 0, variance 1 + 4e-7, excess kurtosis -1.8e-4, largest |z| 4.855, Kolmogorov distance 3e-6.
/// The logarithm, sine and cosine are polynomials in explicit fused multiply-adds (absolute errors 3.4e-5 in r^2, 1.3e-6 and 7e-6):
/// no library function, so the bits are the same everywhere.
/// Cost: a quarter of a Philox evaluation for two numbers. State: none.
/// Source: Box and Muller 1958; ours are the word's layout and the polynomials.
struct Gaussian {
    static constexpr std::string_view name = "gaussian";
    static constexpr float largest = 4.8547f;
    static constexpr int groups = 4;
    static constexpr int vectors = 2;
    static constexpr bool draws_all = true;
    static constexpr bool is_device_copyable = true;

    using Ray = PhiloxRay<Gaussian>;

    template <class Lanes>
    ZEROTH_INLINE static void next(typename Lanes::Word (&words)[4], typename Lanes::Float (&z)[2]) noexcept {
        const typename Lanes::Word word[1] = {words[0]};
        words[0] = words[1];
        words[1] = words[2];
        words[2] = words[3];
        form<Lanes>(word, z);
    }
    /// All four words at once.
    template <class Lanes>
    ZEROTH_INLINE static void all(const typename Lanes::Word (&words)[4], typename Lanes::Float (&z)[8]) noexcept {
        form<Lanes>(words, z);
    }

    /// sqrt(-2 ln u) from the word's low half.
    template <class Lanes>
    ZEROTH_INLINE static typename Lanes::Float radius(typename Lanes::Word word) noexcept {
        const typename Lanes::Word words[1] = {word};
        typename Lanes::Float r[1];
        radii<Lanes>(words, r);
        return r[0];
    }
    /// Sine and cosine of an angle in (-pi/2, pi/2) from bits 16 to 30.
    template <class Lanes>
    ZEROTH_INLINE static void angle(typename Lanes::Word word, typename Lanes::Float& sine, typename Lanes::Float& cosine) noexcept {
        const typename Lanes::Word words[1] = {word};
        typename Lanes::Float sines[1];
        typename Lanes::Float cosines[1];
        angles<Lanes>(words, sines, cosines);
        sine = sines[0];
        cosine = cosines[0];
    }

    ZEROTH_HOST_DEVICE float operator()(const Key& key, const BlockIdentity& block, std::uint64_t element) const noexcept {
        return number_of<Gaussian>(key, block, element);
    }

  private:
    // Of N words operation by operation, in lock step: so their chains overlap, however the processor orders them.

    /// x <- x m + c.
    template <class Lanes, int N>
    ZEROTH_INLINE static void horner(typename Lanes::Float (&x)[N], const typename Lanes::Float (&m)[N], float c) noexcept {
        ZEROTH_UNROLL
        for (int i = 0; i < N; ++i) {
            x[i] = Lanes::fma(x[i], m[i], Lanes::broadcast(c));
        }
    }

    template <class Lanes, int N>
    ZEROTH_INLINE static void radii(const typename Lanes::Word (&word)[N], typename Lanes::Float (&r)[N]) noexcept {
        using Float = typename Lanes::Float;
        constexpr std::uint32_t one = 0x3F800000u;
        Float u[N], scaled[N], m[N];
        ZEROTH_UNROLL
        for (int i = 0; i < N; ++i) { // u as 1 + u in the mantissa, then normalised by the subtraction: exact
            u[i] = Lanes::from_bits((Lanes::template shift_left<7>(word[i]) & Lanes::broadcast_word(0x007FFF80u)) |
                                    Lanes::broadcast_word(one | 0x40u)) -
                   Lanes::broadcast(1.0f);
        }
        ZEROTH_UNROLL
        for (int i = 0; i < N; ++i) { // with u = 2^e m, 1 <= m < 2: 2^23 (e + m - 1), exact because m has 17 bits; and m
            const auto bits = Lanes::bits(u[i]);
            scaled[i] = Lanes::signed_to_float(bits - Lanes::broadcast_word(one));
            m[i] = Lanes::from_bits((bits & Lanes::broadcast_word(0x007FFFFFu)) | Lanes::broadcast_word(one));
            r[i] = Lanes::broadcast(-0x1.bc872cp-5f);
        }
        // -2 ln u = -2 ln 2 (e + m - 1) + q(m), scaled by 1 + 5e-6, which undoes the midpoint rule's error in E r^2 = 2.
        horner<Lanes>(r, m, 0x1.093574p-1f);
        horner<Lanes>(r, m, -0x1.0af238p+1f);
        horner<Lanes>(r, m, 0x1.2aaa90p+2f);
        horner<Lanes>(r, m, -0x1.5f4ae2p+2f);
        horner<Lanes>(r, m, 0x1.38d68cp+1f);
        ZEROTH_UNROLL
        for (int i = 0; i < N; ++i) {
            r[i] = Lanes::sqrt(Lanes::fma(Lanes::broadcast(-0x1.62e4aap+0f * 0x1p-23f), scaled[i], r[i]));
        }
    }

    template <class Lanes, int N>
    ZEROTH_INLINE static void angles(const typename Lanes::Word (&word)[N], typename Lanes::Float (&sine)[N],
                                     typename Lanes::Float (&cosine)[N]) noexcept {
        typename Lanes::Float y[N], y2[N];
        ZEROTH_UNROLL
        for (int i = 0; i < N; ++i) {
            y[i] = Lanes::from_bits((Lanes::template shift_right<8>(word[i]) & Lanes::broadcast_word(0x007FFF00u)) |
                                    Lanes::broadcast_word(0x3F800080u)) -
                   Lanes::broadcast(1.5f);
            sine[i] = Lanes::broadcast(-0.5595265030860901f);
            cosine[i] = Lanes::broadcast(-1.2222304344177246f);
        }
        ZEROTH_UNROLL
        for (int i = 0; i < N; ++i) {
            y2[i] = y[i] * y[i];
        }
        horner<Lanes>(sine, y2, 2.5440328121185303f);
        horner<Lanes>(cosine, y2, 4.041317462921143f);
        horner<Lanes>(sine, y2, -5.167408466339111f);
        horner<Lanes>(cosine, y2, -4.933940887451172f);
        horner<Lanes>(sine, y2, 3.1415903568267822f);
        horner<Lanes>(cosine, y2, 0.9999933242797852f);
        ZEROTH_UNROLL
        for (int i = 0; i < N; ++i) {
            sine[i] = y[i] * sine[i];
        }
    }

    template <class Lanes, int N>
    ZEROTH_INLINE static void form(const typename Lanes::Word (&word)[N], typename Lanes::Float (&z)[2 * N]) noexcept {
        typename Lanes::Float r[N], sine[N], cosine[N];
        radii<Lanes>(word, r);
        angles<Lanes>(word, sine, cosine);
        ZEROTH_UNROLL
        for (int i = 0; i < N; ++i) {
            const auto sign = word[i] & Lanes::broadcast_word(0x80000000u);
            z[2 * i] = Lanes::from_bits(Lanes::bits(r[i] * cosine[i]) ^ sign);
            z[2 * i + 1] = Lanes::product(r[i], sine[i]);
        }
    }
};

ZEROTH_END_NAMESPACE
