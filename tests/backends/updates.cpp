#include "backends/bit_equality.hpp"

#include <zeroth/directions/gaussian.hpp>
#include <zeroth/directions/rademacher.hpp>

using namespace zeroth_test;

TEST_CASE("Every backend updates in place to the reference's bits") {
    compare_types<Gaussian>(make_update_in_place, few_sizes, {0, 1, 2, 3, 5});
}

TEST_CASE("Every backend moves weights from a snapshot to the reference's bits") {
    compare_types<Gaussian>(make_displace_from, few_sizes, {1, 2, 3});
    compare_types<Gaussian>(make_update_from, few_sizes, {0, 1, 2, 3, 5});
}
