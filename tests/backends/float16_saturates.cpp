// A finite number is never stored as a float16's infinity, to nearest or stochastically, by any lanes.

#include <zeroth/backends/simd.hpp>
#include <zeroth/zeroth.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

using namespace zeroth;

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();

/// Of each lane, stored to nearest, in part, and stochastically.
template <class Lanes>
void check_stores() {
    const float numbers[] = {65504.0f,  65505.0f, 65519.996f, 65520.0f,  65536.0f, 1e6f,     std::numeric_limits<float>::max(),
                             -65505.0f, -65520.f, -1e30f,     -infinity, infinity, 65488.0f, std::numeric_limits<float>::quiet_NaN()};
    for (const float x : numbers) {
        const auto check = [&](float16 w) {
            INFO(x << " as " << static_cast<float>(w));
            if (std::isnan(x)) {
                CHECK(std::isnan(static_cast<float>(w)));
            } else if (std::isinf(x)) {
                CHECK(static_cast<float>(w) == x);
            } else {
                CHECK(std::abs(static_cast<float>(w)) <= 65504.0f);
                CHECK(std::abs(static_cast<float>(w)) >= 65472.0f);
                CHECK(std::signbit(static_cast<float>(w)) == std::signbit(x));
            }
        };
        float16 stored[Lanes::width + 1] = {};
        Access<Lanes, float16>::store(stored, Lanes::broadcast(x));
        check(stored[0]);
        check(stored[Lanes::width - 1]);
        if constexpr (Lanes::width > 1) {
            float16 some[Lanes::width] = {};
            Access<Lanes, float16>::store_some(some, Lanes::broadcast(x), Lanes::width - 1);
            check(some[0]);
            CHECK(some[Lanes::width - 1].bits == 0);
        }
        for (std::uint64_t element = 0; element < 64 * std::uint64_t{Lanes::width}; element += Lanes::width) {
            const StochasticStore<Lanes, float16> store{Key{1, 2, 3}, BlockIdentity{}};
            store(stored, Lanes::broadcast(x), element, AllLanes<Lanes>{});
            for (int l = 0; l < Lanes::width; ++l) {
                check(stored[l]);
                float16 scalar;
                StochasticStore<ScalarLanes, float16>{Key{1, 2, 3}, BlockIdentity{}}(&scalar, x, element + static_cast<std::uint64_t>(l),
                                                                                      AllLanes<ScalarLanes>{});
                CHECK((std::isnan(x) || scalar.bits == stored[l].bits));
            }
        }
    }
}

} // namespace

TEST_CASE("Stores of float16 saturate below infinity") {
    check_stores<ScalarLanes>();
    check_stores<SimdLanes<WidestArch>>();
#if defined(__AVX512F__)
    check_stores<SimdLanes<xsimd::avx2>>();
#endif
#if defined(__SSE2__)
    check_stores<SimdLanes<xsimd::sse2>>();
#endif
}

TEST_CASE("An update at float16's largest number leaves it finite, as probes do") {
    const auto run = []<class Restore, class B>(Restore restore, const B& backend) {
        std::vector<float16> w(1000, float16{65504.0f});
        Parameters parameters;
        parameters.add("w", std::span{w});
        Optimizer optimizer{parameters, TwoSidedRge{.direction = Rademacher{}, .epsilon = 20}, SignSgd{.learning_rate = 17.0},
                            Settings<Restore>{.restore = restore}, backend};
        const auto finite = [&] {
            for (const float16 x : w) {
                if (!std::isfinite(static_cast<float>(x))) {
                    return false;
                }
            }
            return true;
        };
        int call = 0;
        for (int t = 0; t < 5; ++t) {
            optimizer.step([&] {
                CHECK(finite());
                return ++call % 2 == 0 ? 1.0 : 0.0;
            });
            CHECK(finite());
        }
        std::vector<std::uint16_t> bits;
        for (const float16 x : w) {
            bits.push_back(x.bits);
        }
        return bits;
    };
    CHECK(run(Snapshot{}, Reference{}) == run(Snapshot{}, Simd<>{}));
    CHECK(run(InPlace{}, Reference{}) == run(InPlace{}, Simd<>{}));
}
