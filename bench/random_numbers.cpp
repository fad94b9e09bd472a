/// What docs/numerics.md chooses by: Gaussian numbers from fewer rounds of Philox, and from twice the bits, their speed and their quality.

#include "displace.hpp"

#include <zeroth/directions/gaussian.hpp>
#include <zeroth/random/philox.hpp>

#include <benchmark/benchmark.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace {

/// The ray of a Gaussian from some rounds of Philox.
template <int Rounds>
struct RayOfRounds : zeroth::PhiloxBits {
    static constexpr int groups = zeroth::Gaussian::groups;
    static constexpr int vectors = zeroth::Gaussian::vectors;

    template <class Lanes>
    struct Draw {
        typename Lanes::Word word[4];

        ZEROTH_INLINE void next(typename Lanes::Float (&z)[2]) noexcept { zeroth::Gaussian::next<Lanes>(word, z); }
        template <int N>
        ZEROTH_INLINE static void draw(const RayOfRounds* const (&rays)[N], const std::uint64_t (&counters)[N], Draw (&draws)[N]) noexcept {
            const zeroth::PhiloxBits* bits[N];
            std::copy(std::begin(rays), std::end(rays), bits);
            typename Lanes::Word words[N][4];
            Lanes::template philox<Rounds, N>(bits, counters, words);
            for (int n = 0; n < N; ++n) {
                std::copy(std::begin(words[n]), std::end(words[n]), draws[n].word);
            }
        }
    };
};

/// The library's transform of seven rounds in place of ten.
struct GaussianOf7Rounds {
    static constexpr float largest = zeroth::Gaussian::largest;

    using Ray = RayOfRounds<7>;

    float operator()(const zeroth::Key& key, const zeroth::BlockIdentity& block, std::uint64_t element) const noexcept {
        return zeroth::number_at(Ray{{zeroth::philox_key(key, zeroth::Purpose::direction), block.hash}}, element);
    }
};

/// Box and Muller's transform of 32 bits for the radius and 24 for angle and sign: largest magnitude 6.66.
struct GaussianOf64Bits {
    static constexpr float largest = 6.67f;
    static constexpr int groups = 2;
    static constexpr int vectors = 2;

    using Ray = zeroth::PhiloxRay<GaussianOf64Bits>;

    template <class Lanes>
    ZEROTH_INLINE static void next(typename Lanes::Word (&words)[4], typename Lanes::Float (&z)[2]) noexcept {
        using Float = typename Lanes::Float;
        constexpr std::uint32_t one = 0x3F800000u;
        const auto radius_word = words[0];
        const auto angle_word = words[1];
        words[0] = words[2];
        words[1] = words[3];
        // u = 2^-31 (k + 1/2) with 31 bits k, as 2^e m, 1 <= m < 2.
        const Float u = Lanes::signed_to_float(Lanes::template shift_right<1>(radius_word)) + Lanes::broadcast(0.5f);
        const auto bits = Lanes::bits(u);
        const Float scaled = Lanes::signed_to_float(bits - Lanes::broadcast_word(one));
        const Float m = Lanes::from_bits((bits & Lanes::broadcast_word(0x007FFFFFu)) | Lanes::broadcast_word(one));
        Float q = Lanes::broadcast(-0x1.bc872cp-5f);
        q = Lanes::fma(q, m, Lanes::broadcast(0x1.093574p-1f));
        q = Lanes::fma(q, m, Lanes::broadcast(-0x1.0af238p+1f));
        q = Lanes::fma(q, m, Lanes::broadcast(0x1.2aaa90p+2f));
        q = Lanes::fma(q, m, Lanes::broadcast(-0x1.5f4ae2p+2f));
        q = Lanes::fma(q, m, Lanes::broadcast(0x1.38d68cp+1f));
        const Float square = Lanes::fma(Lanes::broadcast(-0x1.62e4aap+0f * 0x1p-23f), scaled, Lanes::broadcast(0x1.62e4aap+0f * 31)) + q;
        const Float r = Lanes::sqrt(Lanes::larger(square, Lanes::broadcast(0.0f)));
        const Float y = Lanes::from_bits(Lanes::template shift_right<9>(angle_word) | Lanes::broadcast_word(one)) - Lanes::broadcast(1.5f);
        const Float y2 = y * y;
        Float s = Lanes::broadcast(-0.5595265030860901f);
        s = Lanes::fma(s, y2, Lanes::broadcast(2.5440328121185303f));
        s = Lanes::fma(s, y2, Lanes::broadcast(-5.167408466339111f));
        s = Lanes::fma(s, y2, Lanes::broadcast(3.1415903568267822f));
        Float c = Lanes::broadcast(-1.2222304344177246f);
        c = Lanes::fma(c, y2, Lanes::broadcast(4.041317462921143f));
        c = Lanes::fma(c, y2, Lanes::broadcast(-4.933940887451172f));
        c = Lanes::fma(c, y2, Lanes::broadcast(0.9999933242797852f));
        const auto sign = Lanes::template shift_left<31>(angle_word);
        z[0] = Lanes::from_bits(Lanes::bits(r * c) ^ sign);
        z[1] = Lanes::product(r, y * s);
    }

    float operator()(const zeroth::Key& key, const zeroth::BlockIdentity& block, std::uint64_t element) const noexcept {
        return zeroth::number_of<GaussianOf64Bits>(key, block, element);
    }
};

/// 2^28 numbers: their moments, Kolmogorov's distance from a normal's distribution (noise: 5e-5), and the correlations of neighbours in
/// element, query, step and block, in standard deviations.
template <class Direction>
void quality(benchmark::State& state) {
    constexpr std::size_t part = std::size_t{1} << 18, bins = std::size_t{1} << 16;
    constexpr std::uint64_t parts = 1024;
    std::vector<float> z(part), neighbour(part);
    std::vector<std::uint64_t> histogram(bins);
    double power[5] = {}, product[4] = {}, largest = 0;
    const auto draw = [&](std::vector<float>& to, const zeroth::Key& key, std::uint64_t hash) {
        std::fill(to.begin(), to.end(), 0.0f);
        const zeroth::Block block{"z", to.data(), zeroth::ScalarType::float32, {hash, part, 1}};
        zeroth_test::displace(zeroth::Simd<zeroth::WidestArch, zeroth::ScalarTypes<float>>{}, std::span<const zeroth::Block>{&block, 1}, Direction{},
                              key);
    };
    for (auto _ : state) {
        for (std::uint64_t p = 0; p < parts; ++p) {
            draw(z, {2026, 2 * p, 0}, 42);
            for (std::size_t i = 0; i < part; ++i) {
                const double x = z[i];
                power[1] += x;
                power[2] += x * x;
                power[3] += x * x * x;
                power[4] += x * x * x * x;
                largest = std::max(largest, std::abs(x));
                product[0] += i > 0 ? x * z[i - 1] : 0;
                ++histogram[static_cast<std::size_t>((z[i] + 8.0f) * (bins / 16.0f))];
            }
            const zeroth::Key neighbours[3] = {{2026, 2 * p, 1}, {2026, 2 * p + 1, 0}, {2026, 2 * p, 0}};
            for (int which = 0; which < 3; ++which) {
                draw(neighbour, neighbours[which], which == 2 ? 43 : 42);
                for (std::size_t i = 0; i < part; ++i) {
                    product[which + 1] += static_cast<double>(z[i]) * neighbour[i];
                }
            }
        }
    }
    constexpr double n = static_cast<double>(part) * static_cast<double>(parts);
    double below = 0, distance = 0;
    for (std::size_t b = 0; b < bins; ++b) {
        below += static_cast<double>(histogram[b]);
        const double x = static_cast<double>(b + 1) * (16.0 / static_cast<double>(bins)) - 8;
        distance = std::max(distance, std::abs(below / n - 0.5 * std::erfc(-x * std::sqrt(0.5))));
    }
    double correlation = 0;
    for (const double sum : product) {
        correlation = std::max(correlation, std::abs(sum) / std::sqrt(n));
    }
    const double variance = power[2] / n;
    state.counters["mean"] = power[1] / n;
    state.counters["variance_less_1"] = variance - 1;
    state.counters["excess_kurtosis"] = power[4] / n / (variance * variance) - 3;
    state.counters["distance"] = distance;
    state.counters["largest"] = largest;
    state.counters["correlation_sigmas"] = correlation;
}

/// How far the share of output bits that flip with one of the 192 bits of counter and key is from a half, for the worst pair of bits, in
/// standard deviations: over 2^16 random counters; 4.5 is usual for the worst of 24,576 pairs.
template <int Rounds>
void avalanche(benchmark::State& state) {
    constexpr std::uint64_t trials = 1 << 16;
    double worst = 0;
    for (auto _ : state) {
        for (unsigned bit = 0; bit < 192; ++bit) {
            std::uint32_t flips[128] = {};
            for (std::uint64_t trial = 0; trial < trials; ++trial) {
                zeroth::PhiloxWords counter = zeroth::philox4x32({{static_cast<std::uint32_t>(trial), bit, 0, 0}}, {1, 2});
                const zeroth::PhiloxWords for_key = zeroth::philox4x32({{static_cast<std::uint32_t>(trial), bit, 1, 0}}, {1, 2});
                zeroth::PhiloxKey key{for_key.word[0], for_key.word[1]};
                const zeroth::PhiloxWords before = zeroth::philox4x32<Rounds>(counter, key);
                std::uint32_t& word = bit < 128 ? counter.word[bit / 32] : bit < 160 ? key.low : key.high;
                word ^= 1u << (bit % 32);
                const zeroth::PhiloxWords after = zeroth::philox4x32<Rounds>(counter, key);
                for (unsigned k = 0; k < 4; ++k) {
                    for (unsigned changed = before.word[k] ^ after.word[k]; changed != 0; changed &= changed - 1) {
                        ++flips[32 * k + static_cast<unsigned>(std::countr_zero(changed))];
                    }
                }
            }
            for (const std::uint32_t count : flips) {
                worst = std::max(worst, std::abs(count - trials / 2.0) / std::sqrt(trials / 4.0));
            }
        }
    }
    state.counters["worst_sigmas"] = worst;
}

using bench::displace;
using zeroth::Gaussian;

BENCHMARK(displace<GaussianOf7Rounds, float>)->Apply(bench::cache_and_memory);
BENCHMARK(displace<GaussianOf64Bits, float>)->Apply(bench::cache_and_memory);
BENCHMARK(quality<Gaussian>)->Iterations(1)->Unit(benchmark::kSecond);
BENCHMARK(quality<GaussianOf7Rounds>)->Iterations(1)->Unit(benchmark::kSecond);
BENCHMARK(quality<GaussianOf64Bits>)->Iterations(1)->Unit(benchmark::kSecond);
BENCHMARK(avalanche<4>)->Iterations(1)->Unit(benchmark::kSecond);
BENCHMARK(avalanche<5>)->Iterations(1)->Unit(benchmark::kSecond);
BENCHMARK(avalanche<7>)->Iterations(1)->Unit(benchmark::kSecond);
BENCHMARK(avalanche<10>)->Iterations(1)->Unit(benchmark::kSecond);

} // namespace
