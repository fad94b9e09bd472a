#pragma once

#include <zeroth/directions/direction.hpp>

#include <cstdint>

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
    static constexpr float largest = 4.8547f;
    static constexpr int groups = 4;
    static constexpr int vectors = 2;

    template <class Lanes>
    using Draw = PhiloxDraw<Gaussian, Lanes>;

    template <class Lanes>
    ZEROTH_INLINE static void next(typename Lanes::Word (&words)[4], typename Lanes::Float (&z)[2]) noexcept {
        const auto word = words[0];
        words[0] = words[1];
        words[1] = words[2];
        words[2] = words[3];
        const auto r = radius<Lanes>(word);
        typename Lanes::Float sine;
        typename Lanes::Float cosine;
        angle<Lanes>(word, sine, cosine);
        const auto sign = word & Lanes::broadcast_word(0x80000000u);
        z[0] = Lanes::from_bits(Lanes::bits(r * cosine) ^ sign);
        z[1] = Lanes::product(r, sine);
    }

    /// sqrt(-2 ln u) from the word's low half.
    template <class Lanes>
    ZEROTH_INLINE static typename Lanes::Float radius(typename Lanes::Word word) noexcept {
        using Float = typename Lanes::Float;
        constexpr std::uint32_t one = 0x3F800000u;
        // u as 1 + u in the mantissa, then normalised by the subtraction: exact.
        const Float u = Lanes::from_bits((Lanes::template shift_left<7>(word) & Lanes::broadcast_word(0x007FFF80u)) |
                                         Lanes::broadcast_word(one | 0x40u)) -
                        Lanes::broadcast(1.0f);
        const auto bits = Lanes::bits(u);
        // With u = 2^e m, 1 <= m < 2: 2^23 (e + m - 1), exact because m has 17 bits; and m.
        const Float scaled = Lanes::signed_to_float(bits - Lanes::broadcast_word(one));
        const Float m = Lanes::from_bits((bits & Lanes::broadcast_word(0x007FFFFFu)) | Lanes::broadcast_word(one));
        // -2 ln u = -2 ln 2 (e + m - 1) + q(m), scaled by 1 + 5e-6, which undoes the midpoint rule's error in E r^2 = 2.
        Float q = Lanes::broadcast(-0x1.bc872cp-5f);
        q = Lanes::fma(q, m, Lanes::broadcast(0x1.093574p-1f));
        q = Lanes::fma(q, m, Lanes::broadcast(-0x1.0af238p+1f));
        q = Lanes::fma(q, m, Lanes::broadcast(0x1.2aaa90p+2f));
        q = Lanes::fma(q, m, Lanes::broadcast(-0x1.5f4ae2p+2f));
        q = Lanes::fma(q, m, Lanes::broadcast(0x1.38d68cp+1f));
        return Lanes::sqrt(Lanes::fma(Lanes::broadcast(-0x1.62e4aap+0f * 0x1p-23f), scaled, q));
    }

    /// Sine and cosine of an angle in (-pi/2, pi/2) from bits 16 to 30.
    template <class Lanes>
    ZEROTH_INLINE static void angle(typename Lanes::Word word, typename Lanes::Float& sine,
                                    typename Lanes::Float& cosine) noexcept {
        using Float = typename Lanes::Float;
        const Float y = Lanes::from_bits((Lanes::template shift_right<8>(word) & Lanes::broadcast_word(0x007FFF00u)) |
                                         Lanes::broadcast_word(0x3F800080u)) -
                        Lanes::broadcast(1.5f);
        const Float y2 = y * y;
        Float s = Lanes::broadcast(-0.5595265030860901f);
        s = Lanes::fma(s, y2, Lanes::broadcast(2.5440328121185303f));
        s = Lanes::fma(s, y2, Lanes::broadcast(-5.167408466339111f));
        s = Lanes::fma(s, y2, Lanes::broadcast(3.1415903568267822f));
        sine = y * s;
        Float c = Lanes::broadcast(-1.2222304344177246f);
        c = Lanes::fma(c, y2, Lanes::broadcast(4.041317462921143f));
        c = Lanes::fma(c, y2, Lanes::broadcast(-4.933940887451172f));
        cosine = Lanes::fma(c, y2, Lanes::broadcast(0.9999933242797852f));
    }

    ZEROTH_HOST_DEVICE float operator()(const Key& key, const BlockIdentity& block, std::uint64_t element) const noexcept {
        return number_at(*this, key, block, element);
    }
};

ZEROTH_END_NAMESPACE
