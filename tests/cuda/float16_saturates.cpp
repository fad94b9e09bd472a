#include "cuda/launched_on_host.hpp"

#include <cmath>
#include <cstdint>
#include <limits>

using namespace zeroth_test;

TEST_CASE("A device's lanes store no finite number as a float16's infinity") {
    using Lanes = cuda::Lanes<8>;
    for (const float x : {65504.0f, 65520.0f, -1e30f, std::numeric_limits<float>::max(), 65519.0f, std::numeric_limits<float>::infinity()}) {
        float16 stored[8] = {};
        float16 expected;
        Access<ScalarLanes, float16>::store(&expected, x);
        CHECK(std::isinf(static_cast<float>(expected)) == std::isinf(x));
        Access<Lanes, float16>::store(stored, Lanes::broadcast(x));
        CHECK(stored[0].bits == expected.bits);
        CHECK(stored[7].bits == expected.bits);
        Access<Lanes, float16>::store_some(stored + 1, Lanes::broadcast(-x), 3);
        CHECK(stored[3].bits == (expected.bits ^ 0x8000u));
        const StochasticStore<Lanes, float16> store{Key{1, 2, 3}, BlockIdentity{}};
        store(stored, Lanes::broadcast(x), 0, AllLanes<Lanes>{});
        CHECK(stored[5].bits == expected.bits);
    }
}
