#include "backends/bit_equality.hpp"

#include <zeroth/directions/gaussian.hpp>
#include <zeroth/directions/rademacher.hpp>

using namespace zeroth_test;

TEST_CASE("Every backend displaces float16 weights to the reference's bits") {
    compare<float16, Gaussian>(make_displace, few_sizes, {0, 1, 2, 3});
    compare<float16, Rademacher>(make_displace, few_sizes, {1, 3});
}
