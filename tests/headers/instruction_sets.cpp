#include "instruction_sets.hpp"

#include <zeroth/backends/reference.hpp>

#include <catch2/catch_test_macros.hpp>

#if defined(__x86_64__)

TEST_CASE("one program holds several instruction sets, each doing its own work to the same bits") {
    const Traversed reference = traverse_with(zeroth::Reference{});
    const Traversed sse2 = traverse_sse2();
    CHECK(sse2.weights == reference.weights);

    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        const Traversed avx2 = traverse_avx2();
        CHECK(avx2.backend != sse2.backend);
        CHECK(avx2.weights == reference.weights);
    }
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl")) {
        const Traversed avx512 = traverse_avx512();
        CHECK(avx512.backend != sse2.backend);
        CHECK(avx512.weights == reference.weights);
    }
}

#endif
