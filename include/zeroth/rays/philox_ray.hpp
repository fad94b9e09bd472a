#pragma once

#include <zeroth/ground/device_copyable.hpp>
#include <zeroth/random/key.hpp>
#include <zeroth/rays/ray.hpp>

#include <cstdint>

ZEROTH_BEGIN_NAMESPACE

/// The Draw of every ray whose numbers D::next forms from four Philox words a lane.
template <class D, class Lanes>
struct PhiloxDraw {
    typename Lanes::Word word[4];
    /// Whether D says that it forms the numbers of all four words at once. (Asking for a call of D::all makes nvcc 13.0 crash.)
    static constexpr bool draws_all = requires { requires D::draws_all; };

    ZEROTH_INLINE void next(typename Lanes::Float (&z)[D::vectors]) noexcept { D::template next<Lanes>(word, z); }
    ZEROTH_INLINE void all(typename Lanes::Float (&z)[D::groups * D::vectors]) const noexcept { D::template all<Lanes>(word, z); }
    ZEROTH_INLINE typename Lanes::Float one(int j) noexcept
        requires requires { D::template one<Lanes>(word, 0); }
    {
        return D::template one<Lanes>(word, j);
    }

    /// Draws for N runs of counters at once, in lock step, so that the chains of multiplications overlap.
    template <int N, class R>
    ZEROTH_INLINE static void draw(const R* const (&rays)[N], const std::uint64_t (&counters)[N], PhiloxDraw (&draws)[N]) noexcept {
        const PhiloxBits* bits[N];
        ZEROTH_UNROLL
        for (int n = 0; n < N; ++n) {
            bits[n] = rays[n];
        }
        typename Lanes::Word words[N][4];
        Lanes::template philox<Philox4x32::rounds, N>(bits, counters, words);
        ZEROTH_UNROLL
        for (int n = 0; n < N; ++n) {
            ZEROTH_UNROLL
            for (int k = 0; k < 4; ++k) {
                draws[n].word[k] = words[n][k];
            }
        }
    }
};

/// A ray whose numbers are functions of Philox words alone, which D forms:
///
///     static constexpr int groups, vectors;
///     template <class Lanes> static void next(typename Lanes::Word (&words)[4], typename Lanes::Float (&z)[vectors]);   // consumes the words
///     static constexpr bool draws_all = true;   // optional: all(words, z) forms the numbers of all four words
template <class D>
struct PhiloxRay : PhiloxBits {
    static constexpr int groups = D::groups;
    static constexpr int vectors = D::vectors;
    static constexpr bool signs = requires { requires D::signs; };
    static constexpr bool is_device_copyable = zeroth::is_device_copyable<D>;

    template <class Lanes>
    using Draw = PhiloxDraw<D, Lanes>;
};

ZEROTH_END_NAMESPACE
