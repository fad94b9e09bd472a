#include "backends/bit_equality.hpp"

#include <zeroth/directions/gaussian.hpp>

using namespace zeroth_test;

TEST_CASE("Every backend decays and displaces to the reference's bits") {
    compare<float, Gaussian>(make_decayed, few_sizes, {1, 2, 3});
    compare<double, Gaussian>(make_decayed, few_sizes, {1, 3});
}

TEST_CASE("Every backend moves weights from a snapshot to the reference's bits") {
    compare<float, Gaussian>(make_displace_from, few_sizes, {1, 3});
    compare<float, Gaussian>(make_update_from, few_sizes, {1, 2, 3});
    compare<bfloat16, Gaussian>(make_update_from, few_sizes, {1, 3});
}
