// Each function of each instruction set's lanes against the scalar lanes', which are the specification.

#include <zeroth/backends/simd.hpp>

#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <vector>

// The widest registers, and the narrower ones that run with the same flags.
#if defined(__AVX2__)
#define ZEROTH_TEST_ARCHITECTURES zeroth::WidestArch, xsimd::sse2, xsimd::avx2
#elif defined(__SSE2__)
#define ZEROTH_TEST_ARCHITECTURES zeroth::WidestArch, xsimd::sse2
#else
#define ZEROTH_TEST_ARCHITECTURES zeroth::WidestArch
#endif

using namespace zeroth;

namespace {

std::uint32_t bits(float x) { return std::bit_cast<std::uint32_t>(x); }

/// Patterns of a full-period generator, its better bits mixed down.
struct Patterns {
    std::uint32_t state = 1;

    std::uint32_t word() {
        state = state * 1664525u + 1013904223u;
        return state ^ (state >> 15);
    }
    /// Between 2^-7 and 2^8 in magnitude, so that sums cancel and tie often.
    float number() { return std::bit_cast<float>((word() & 0x807FFFFFu) | ((120u + word() % 15u) << 23)); }
};

/// Calls of a function of floats, lane by lane.
template <class Lanes, class F>
std::vector<float> lanes_of(F function) {
    const typename Lanes::Float result = function();
    std::vector<float> lane(static_cast<std::size_t>(Lanes::width));
    Lanes::store(lane.data(), result);
    return lane;
}


} // namespace

TEMPLATE_TEST_CASE("Arithmetic in registers has the scalar bits", "", ZEROTH_TEST_ARCHITECTURES) {
    using Lanes = SimdLanes<TestType>;
    constexpr auto width = static_cast<std::size_t>(Lanes::width);
    Patterns patterns;
    for (int trial = 0; trial < 20'000; ++trial) {
        float a[16];
        float b[16];
        float c[16];
        for (std::size_t l = 0; l < 16; ++l) {
            a[l] = patterns.number();
            b[l] = patterns.number();
            c[l] = patterns.number();
        }
        const typename Lanes::Float x = Lanes::load(a);
        const typename Lanes::Float y = Lanes::load(b);
        const typename Lanes::Float t = Lanes::load(c);
        const auto product = lanes_of<Lanes>([&] { return Lanes::product(x, y); });
        const auto root = lanes_of<Lanes>([&] { return Lanes::sqrt(Lanes::abs(x)); });
        const auto greater = lanes_of<Lanes>([&] { return Lanes::larger(x, y); });
        const auto less = lanes_of<Lanes>([&] { return Lanes::smaller(x, y); });
        const auto fused = lanes_of<Lanes>([&] { return Lanes::fma(x, y, t); });
        const auto kept_apart = lanes_of<Lanes>([&] { return Lanes::product(x, y) + t; });
        float largest = a[0];
        for (std::size_t l = 0; l < width; ++l) {
            REQUIRE(bits(product[l]) == bits(ScalarLanes::product(a[l], b[l])));
            REQUIRE(bits(root[l]) == bits(ScalarLanes::sqrt(std::abs(a[l]))));
            REQUIRE(bits(greater[l]) == bits(ScalarLanes::larger(a[l], b[l])));
            REQUIRE(bits(less[l]) == bits(ScalarLanes::smaller(a[l], b[l])));
            REQUIRE(bits(kept_apart[l]) == bits(ScalarLanes::product(a[l], b[l]) + c[l]));
#if defined(__FMA__) || defined(__aarch64__) // without, it is exact for the directions' polynomials only
            REQUIRE(bits(fused[l]) == bits(std::fma(a[l], b[l], c[l])));
#endif
            largest = std::max(largest, a[l]);
        }
        REQUIRE(Lanes::reduce_max(x) == largest);
    }
}

TEMPLATE_TEST_CASE("Words in registers have the scalar bits", "", ZEROTH_TEST_ARCHITECTURES) {
    using Lanes = SimdLanes<TestType>;
    constexpr auto width = static_cast<std::size_t>(Lanes::width);
    Patterns patterns;
    for (int trial = 0; trial < 2000; ++trial) {
        const std::uint32_t first = patterns.word();
        const typename Lanes::Word words = Lanes::iota(first) * Lanes::broadcast_word(0x9E3779B9u);
        const auto number = lanes_of<Lanes>([&] { return Lanes::signed_to_float(words); });
        const auto left = lanes_of<Lanes>([&] { return Lanes::from_bits(Lanes::template shift_left<9>(words)); });
        const auto right = lanes_of<Lanes>([&] { return Lanes::from_bits(Lanes::template shift_right<11>(words)); });
        for (std::uint32_t l = 0; l < width; ++l) {
            const std::uint32_t word = (first + l) * 0x9E3779B9u;
            REQUIRE(number[l] == static_cast<float>(static_cast<std::int32_t>(word)));
            REQUIRE(bits(left[l]) == word << 9);
            REQUIRE(bits(right[l]) == word >> 11);
        }
    }
}

TEMPLATE_TEST_CASE("Philox in registers gives the scalar words, for several streams at once", "", ZEROTH_TEST_ARCHITECTURES) {
    using Lanes = SimdLanes<TestType>;
    constexpr auto width = static_cast<std::size_t>(Lanes::width);
    PhiloxBits stream[2];
    Patterns patterns;
    for (PhiloxBits& one : stream) {
        one.hash = (std::uint64_t{patterns.word()} << 32) | patterns.word();
        one.key = {patterns.word(), patterns.word()};
    }
    const PhiloxBits* const streams[3] = {&stream[0], &stream[1], &stream[0]};
    // Up to the last whole register before the counter's low word wraps, and beyond it; in the end all with one key.
    for (const std::uint64_t first : {std::uint64_t{0}, std::uint64_t{4096}, std::uint64_t{0xFFFFFFF0u}, std::uint64_t{1} << 32,
                                      (std::uint64_t{1} << 40) + 16, std::uint64_t{48}, (std::uint64_t{3} << 33) + 32}) {
        if (first == 48) {
            stream[1].key = stream[0].key;
        }
        const std::uint64_t counters[3] = {first, first, first + 16};
        typename Lanes::Word out[3][4];
        Lanes::template philox<10, 3>(streams, counters, out);
        for (std::size_t s = 0; s < 3; ++s) {
            for (std::size_t k = 0; k < 4; ++k) {
                const auto lane = lanes_of<Lanes>([&] { return Lanes::from_bits(out[s][k]); });
                for (std::size_t l = 0; l < width; ++l) {
                    const PhiloxWords expected = philox4x32(counter_words(counters[s] + l, streams[s]->hash), streams[s]->key);
                    REQUIRE(bits(lane[l]) == expected.word[k]);
                }
            }
        }
    }
}

TEMPLATE_TEST_CASE("16-bit weights are loaded and rounded as the scalar types are", "", ZEROTH_TEST_ARCHITECTURES) {
    using Lanes = SimdLanes<TestType>;
    constexpr auto width = static_cast<std::size_t>(Lanes::width);
    const auto check = []<class Storage>(Storage) {
        using At = Access<Lanes, Storage>;
        Storage stored[16];
        for (std::uint32_t pattern = 0; pattern < 65536; pattern += static_cast<std::uint32_t>(width)) {
            for (std::size_t l = 0; l < width; ++l) {
                stored[l].bits = static_cast<std::uint16_t>(pattern + l);
            }
            const auto lane = lanes_of<Lanes>([&] { return At::load(stored); });
            for (std::size_t l = 0; l < width; ++l) {
                REQUIRE(bits(lane[l]) == bits(static_cast<float>(stored[l])));
            }
        }
        Patterns patterns;
        float numbers[16];
        for (int trial = 0; trial < 40'000; ++trial) {
            for (float& x : numbers) {
                // Half of them just beside the middle between two halves, or bfloat16s.
                const std::uint32_t word = patterns.word();
                x = std::bit_cast<float>(trial % 4 == 0   ? (word & 0xFFFF0000u) + 0x7FFFu + word % 3
                                         : trial % 4 == 1 ? (word & 0xFFFFE000u) + 0x0FFFu + word % 3
                                                          : word);
            }
            At::store(stored, Lanes::load(numbers));
            for (std::size_t l = 0; l < width; ++l) {
                float expected = numbers[l];
                if (std::is_same_v<Storage, float16> && std::isfinite(expected)) { // saturates
                    expected = std::clamp(expected, -65504.0f, 65504.0f);
                }
                REQUIRE(stored[l].bits == Storage{expected}.bits);
            }
        }
    };
    check(bfloat16{});
    check(float16{});
}

TEMPLATE_TEST_CASE("The last lanes of a block touch nothing behind it", "", ZEROTH_TEST_ARCHITECTURES) {
    using Lanes = SimdLanes<TestType>;
    const auto check = []<class Storage>(Storage) {
        using At = Access<Lanes, Storage>;
        for (int count = 1; count < Lanes::width; ++count) {
            // Exactly as much memory as there are elements, for the sanitizers; and a guard behind a store.
            std::vector<Storage> exact(static_cast<std::size_t>(count), Storage(1.5f));
            const auto loaded = At::load_some(exact.data(), count);
            Storage guarded[17];
            for (Storage& x : guarded) {
                x = Storage(7.0f);
            }
            At::store_some(guarded, loaded, count);
            for (int l = 0; l < 17; ++l) {
                REQUIRE(static_cast<float>(guarded[l]) == (l < count ? 1.5f : 7.0f));
            }
        }
    };
    check(float{});
    check(double{});
    check(bfloat16{});
    check(float16{});
}

TEMPLATE_TEST_CASE("Widened numbers keep their order and value", "", ZEROTH_TEST_ARCHITECTURES) {
    using Lanes = SimdLanes<TestType>;
    float numbers[16];
    for (std::size_t l = 0; l < 16; ++l) {
        numbers[l] = 0.1f * static_cast<float>(l) - 0.7f;
    }
    double wide[16] = {};
    Access<Lanes, double>::store(wide, Lanes::template widen<double>(Lanes::load(numbers)));
    double sum = 0;
    for (std::size_t l = 0; l < static_cast<std::size_t>(Lanes::width); ++l) {
        CHECK(wide[l] == static_cast<double>(numbers[l]));
        sum += wide[l];
    }
    const auto back = Access<Lanes, double>::load(wide);
    CHECK(std::abs(Lanes::reduce_add(back) - sum) < 1e-12);
    CHECK(Lanes::reduce_max(back) == wide[Lanes::width - 1]);
}
