#include "backends/bit_equality.hpp"

#include <zeroth/directions/gaussian.hpp>
#include <zeroth/directions/rademacher.hpp>

using namespace zeroth_test;

TEST_CASE("Every backend displaces double weights to the reference's bits") {
    compare<double, Gaussian>(make_displace, few_sizes, {0, 1, 2, 3});
    compare<double, Rademacher>(make_displace, few_sizes, {1, 3});
}
