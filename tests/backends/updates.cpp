#include "backends/bit_equality.hpp"

#include <zeroth/directions/gaussian.hpp>

using namespace zeroth_test;

TEST_CASE("Every backend decays and displaces to the reference's bits") {
    compare_types<Gaussian>(make_decayed, few_sizes, {0, 1, 2, 3, 5});
}

TEST_CASE("Every backend moves weights from a snapshot to the reference's bits") {
    compare_types<Gaussian>(make_displace_from, few_sizes, {1, 2, 3});
    compare_types<Gaussian>(make_update_from, few_sizes, {0, 1, 2, 3, 5});
}
