// The narrower registers that run with this file's flags: the same kernels, other widths.

#include "backends/bit_equality.hpp"

#include <zeroth/directions/gaussian.hpp>

using namespace zeroth_test;

namespace {

template <class Arch>
void compare_architecture() {
    for (const std::size_t n : few_sizes) {
        for (const int count : {1, 2, 3}) {
            INFO(Simd<Arch>{}.name() << ", elements " << n << ", moves " << count);
            CHECK(run<float>(Simd<Arch>{}, Gaussian{}, n, count, make_displace) ==
                  run<float>(Reference{}, Gaussian{}, n, count, make_displace));
            CHECK(run<double>(Simd<Arch>{}, Gaussian{}, n, count, make_displace) ==
                  run<double>(Reference{}, Gaussian{}, n, count, make_displace));
            CHECK(run<bfloat16>(Simd<Arch>{}, Gaussian{}, n, count, make_displace) ==
                  run<bfloat16>(Reference{}, Gaussian{}, n, count, make_displace));
            CHECK(run<float16>(Simd<Arch>{}, Gaussian{}, n, count, make_displace) ==
                  run<float16>(Reference{}, Gaussian{}, n, count, make_displace));
        }
    }
}

} // namespace

TEST_CASE("Narrower registers displace weights to the reference's bits") {
#if defined(__AVX512F__)
    compare_architecture<xsimd::avx2>();
#endif
#if defined(__SSE2__)
    compare_architecture<xsimd::sse2>();
#else
    SKIP("the only registers are the widest");
#endif
}
