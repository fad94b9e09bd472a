#pragma once

#include <zeroth/ground/array.hpp>
#include <zeroth/directions/gaussian.hpp>
#include <zeroth/directions/rays_of.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

ZEROTH_BEGIN_NAMESPACE

/// 4,096 Gaussian numbers over sqrt 2, made white: their discrete Fourier transform has one magnitude at all frequencies, so the mean of
/// their squares is 1/2 and their circular autocorrelation is 0 at every other lag, to rounding. The same for all runs and on all machines:
/// sums, barred products and square roots of doubles, in one order.
struct WhiteNumbers {
    static constexpr std::size_t size = 4096;
    /// Elements read at a stretch: so many of the first numbers follow the last.
    static constexpr std::size_t stretch = 1024;

    alignas(64) float numbers[size + stretch];

    /// Made at the first call, which takes 0.3 ms.
    static const WhiteNumbers& table() {
        static const WhiteNumbers made{Key{chosen_seed, 0, 0}};
        return made;
    }

    explicit WhiteNumbers(const Key& key) {
        Array<double> real(size), imaginary(size);
        for (std::size_t i = 0; i < size; ++i) {
            real[i] = static_cast<double>(Gaussian{}(key, BlockIdentity{0, size, 1}, i));
        }
        const Roots roots;
        roots.transform(real, imaginary);
        for (std::size_t f = 0; f < size; ++f) {
            const double magnitude = std::sqrt(product(real[f], real[f]) + product(imaginary[f], imaginary[f]));
            real[f] = real[f] / magnitude;
            imaginary[f] = -imaginary[f] / magnitude; // the conjugate, whose transform is the inverse's
        }
        roots.transform(real, imaginary);
        for (std::size_t i = 0; i < size + stretch; ++i) {
            numbers[i] = static_cast<float>(product(real[i % size], 0x1.6a09e667f3bcdp-7)); // 1 / sqrt(2 size)
        }
    }

  private:
    /// Of the first thousand seeds the one whose numbers' fourth and sixth moments are nearest to a Gaussian's.
    static constexpr std::uint64_t chosen_seed = 230;

    static double product(double a, double b) noexcept { return ScalarLanes::product(a, b); }

    /// e^(-2 pi i k / size) for k under size / 2.
    struct Roots {
        Array<double> real{size / 2}, imaginary{size / 2};

        /// By halving the angle: no library function but the square root.
        Roots() {
            double cosine = 0, sine = -1;
            real[0] = 1;
            for (std::size_t step = size / 4; step > 0; step /= 2) {
                for (std::size_t k = 0; k < size / 2; k += 2 * step) {
                    real[k + step] = product(real[k], cosine) - product(imaginary[k], sine);
                    imaginary[k + step] = product(real[k], sine) + product(imaginary[k], cosine);
                }
                cosine = std::sqrt((1 + cosine) / 2);
                sine = sine / (2 * cosine);
            }
        }

        /// x_f <- sum_n x_n e^(-2 pi i f n / size), by Cooley and Tukey.
        void transform(Array<double>& x, Array<double>& y) const {
            for (std::size_t i = 0, reversed = 0; i < size; ++i) {
                if (i < reversed) {
                    swap(x[i], x[reversed]);
                    swap(y[i], y[reversed]);
                }
                std::size_t bit = size / 2;
                for (; (reversed & bit) != 0; bit /= 2) {
                    reversed ^= bit;
                }
                reversed ^= bit;
            }
            for (std::size_t half = 1; half < size; half *= 2) {
                for (std::size_t first = 0; first < size; first += 2 * half) {
                    for (std::size_t k = 0; k < half; ++k) {
                        const double c = real[k * (size / 2 / half)], s = imaginary[k * (size / 2 / half)];
                        const std::size_t a = first + k, b = a + half;
                        const double u = product(x[b], c) - product(y[b], s);
                        const double v = product(x[b], s) + product(y[b], c);
                        x[b] = x[a] - u;
                        y[b] = y[a] - v;
                        x[a] = x[a] + u;
                        y[a] = y[a] + v;
                    }
                }
            }
        }
        static void swap(double& a, double& b) noexcept {
            const double kept = a;
            a = b;
            b = kept;
        }
    };
};

template <class B>
class MixedPoolRays;

/// Nearly Gaussian numbers at the memory's speed: sums of two stretches of one small table, from random places and with random signs.
///
///   z_i = s p[o + i mod 1024] + s' p[o' + i mod 1024],  p WhiteNumbers;  o != o' and the signs drawn anew for every 1,024 elements
///
/// E z = 0 exactly and E z z' = I to 1e-8, over places and signs alone. Excess kurtosis -9e-4, Kolmogorov distance to a Gaussian 6.5e-5,
/// largest |z| 5.1805. Of different stretches the numbers are independent; in one, products z_i z_j and z_k z_l of four distinct elements
/// correlate by 0.008 (rms; 0.037 at most) and squares by 0.008 (0.034). Updates fill the whole space.
/// Cost: two loads, two sign changes and an addition a register, and a Philox evaluation for 1,024 numbers. Memory: 20 KiB, once
/// for all, taken when the first cursor is made.
/// Source: ours, after the reuse pool of PeZO, arXiv 2504.20314.
struct MixedPool {
    static constexpr std::string_view name = "mixed-pool";
    static constexpr float largest = 5.1806f;

    struct Ray : PhiloxBits {
        static constexpr int groups = 16;
        static constexpr int vectors = 4;
        static constexpr bool is_device_copyable = true;

        /// WhiteNumbers.
        const float* numbers;

        template <class Lanes>
        struct Draw {
            const float* first;
            const float* second;
            typename Lanes::Word first_sign;
            typename Lanes::Word second_sign;

            ZEROTH_INLINE void next(typename Lanes::Float (&z)[vectors]) noexcept {
                ZEROTH_UNROLL
                for (int j = 0; j < vectors; ++j) {
                    z[j] = Lanes::from_bits(Lanes::bits(Lanes::load(first + j * tile_lanes)) ^ first_sign) +
                           Lanes::from_bits(Lanes::bits(Lanes::load(second + j * tile_lanes)) ^ second_sign);
                }
                first += vectors * tile_lanes;
                second += vectors * tile_lanes;
            }
            template <int N>
            ZEROTH_INLINE static void draw(const Ray* const (&rays)[N], const std::uint64_t (&counters)[N], Draw (&draws)[N]) noexcept {
                constexpr auto size = static_cast<std::uint32_t>(WhiteNumbers::size);
                static_assert(tile_size<Ray> == WhiteNumbers::stretch);
                ZEROTH_UNROLL
                for (int n = 0; n < N; ++n) {
                    const PhiloxWords words = philox4x32(counter_words(counters[n] / tile_lanes, rays[n]->hash), rays[n]->key);
                    const std::uint32_t place = words.word[0] % size;
                    const float* const lane = rays[n]->numbers + counters[n] % tile_lanes;
                    draws[n].first = lane + place;
                    draws[n].second = lane + (place + 1 + words.word[1] % (size - 1)) % size;
                    draws[n].first_sign = Lanes::broadcast_word(words.word[2] & 0x80000000u);
                    draws[n].second_sign = Lanes::broadcast_word(words.word[3] & 0x80000000u);
                }
            }
        };
    };
    template <class B>
    using Rays = MixedPoolRays<B>;

    float operator()(const Key& key, const BlockIdentity& block, std::uint64_t element) const {
        return number_at(Ray{{philox_key(key, Purpose::direction), block.hash}, WhiteNumbers::table().numbers}, element);
    }
};

/// Philox bits, and the table, which is made with the first of them, so that no traversal has to.
template <class B>
class MixedPoolRays : public PhiloxRays<MixedPool> {
  public:
    MixedPoolRays(const MixedPool& direction, std::span<const Block> blocks, std::size_t max_keys, const B& backend)
        : PhiloxRays<MixedPool>{direction, blocks, max_keys, backend}, numbers_{WhiteNumbers::table().numbers} {}
    [[nodiscard]] MixedPool::Ray ray(std::size_t k, std::size_t b) const noexcept { return {bits(k, b), numbers_}; }

  private:
    const float* numbers_;
};

ZEROTH_END_NAMESPACE
