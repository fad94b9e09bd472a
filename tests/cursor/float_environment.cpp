// A loss may leave another rounding mode, or subnormals flushed to zero: traversals have their own environment, and put the caller's back.

#include "reference_of.hpp"

#include <zeroth/backends/simd.hpp>
#include <zeroth/backends/threads.hpp>
#include <zeroth/zeroth.hpp>

#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <cfenv>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#if defined(__SSE2__)
#include <immintrin.h>
#endif

using namespace zeroth;
using zeroth_test::ReferenceOf;

namespace {

/// What a loss may leave set: a rounding mode, and flush-to-zero with denormals-are-zero.
struct Left {
    int rounding;
    bool flush;
};

void leave(const Left& left) {
    std::fesetround(left.rounding);
#if defined(__SSE2__)
    const unsigned flush = _MM_FLUSH_ZERO_ON | 0x0040;
    _mm_setcsr(left.flush ? _mm_getcsr() | flush : _mm_getcsr() & ~flush);
#endif
}
bool is_left(const Left& left) {
#if defined(__SSE2__)
    bool same = static_cast<int>((_mm_getcsr() & 0x6000) >> 3) == left.rounding;
    same = same && ((_mm_getcsr() & _MM_FLUSH_ZERO_ON) != 0) == left.flush && ((_mm_getcsr() & 0x0040) != 0) == left.flush;
#else
    const bool same = std::fegetround() == left.rounding;
#endif
    return same;
}

/// Steps whose scalars are exact in any rounding mode, the last of them refused: the weights after it, and whether they were those before it.
template <class Restore, class Scalar, class B>
std::pair<std::vector<Scalar>, bool> run(const B& backend, const Left& left, Settling settling) {
    std::vector<Scalar> w(5000);
    for (std::size_t i = 0; i < w.size(); ++i) {
        w[i] = static_cast<Scalar>(i % 3 == 0 ? 1e-41f * static_cast<float>(i) : 0.01f * static_cast<float>(i % 11) - 0.03f);
    }
    Parameters parameters;
    parameters.add("w", std::span{w});
    Optimizer optimizer{parameters, TwoSidedRge{.epsilon = 0x1p-10}, Sgd{.learning_rate = 0x1p-12}, Settings<Restore>{.seed = 4, .settling = settling},
                        backend};
    bool is_same = false;
    bool put_back = true;
    for (int step = 0; step < 4; ++step) {
        const std::vector<Scalar> before = w;
        int call = 0;
        optimizer.step([&] {
            leave(left);
            return ++call % 2 == 0 ? (step == 3 ? std::numeric_limits<double>::quiet_NaN() : 1.0) : 1.5;
        });
        put_back = put_back && is_left(left);
        is_same = std::equal(w.begin(), w.end(), before.begin(), [](Scalar a, Scalar b) { return __builtin_memcmp(&a, &b, sizeof a) == 0; });
    }
    leave({FE_TONEAREST, false});
    CHECK(put_back);
    return {w, is_same};
}

template <class Restore, class Scalar>
void check(bool bit_for_bit) {
    for (const Settling settling : {Settling::each_step, Settling::lazily}) {
        const auto expected = run<Restore, Scalar>(ReferenceOf<Scalar>{}, {FE_TONEAREST, false}, settling);
        for (const Left& left : {Left{FE_TONEAREST, true}, Left{FE_UPWARD, false}, Left{FE_DOWNWARD, true}, Left{FE_TOWARDZERO, false}}) {
            const auto compare = [&](const auto& backend) {
                const auto found = run<Restore, Scalar>(backend, left, settling);
                CHECK(__builtin_memcmp(found.first.data(), expected.first.data(), sizeof(Scalar) * found.first.size()) == 0);
                CHECK((!bit_for_bit || settling == Settling::lazily || found.second));
            };
            using Vectors = Simd<WidestArch, ScalarTypes<Scalar>>;
            compare(ReferenceOf<Scalar>{});
            compare(Vectors{});
            compare(Threads<Vectors>{{}, 3, 1});
        }
    }
}

} // namespace

TEST_CASE("Traversals do not round as a loss has left it set") {
    check<Exact, float>(true);
    check<Exact, double>(true);
    check<Snapshot, float16>(true);
    check<Snapshot, bfloat16>(true);
    check<InPlace, float>(false);
}

TEST_CASE("The environment is read, and put back, by what takes it") {
    leave({FE_UPWARD, true});
    {
        const FloatEnvironment environment;
        CHECK(is_left({FE_TONEAREST, false}));
        {
            const FloatEnvironment inner;
            CHECK(is_left({FE_TONEAREST, false}));
        }
    }
    CHECK(is_left({FE_UPWARD, true}));
    leave({FE_TONEAREST, false});
}
