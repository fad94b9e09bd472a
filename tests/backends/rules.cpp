#include "backends/bit_equality.hpp"

#include <zeroth/directions/gaussian.hpp>
#include <zeroth/directions/rademacher.hpp>

using namespace zeroth_test;

TEST_CASE("Every backend moves by signs to the reference's bits") {
    compare_types<Rademacher>(make_sign, few_sizes, {0, 1, 2, 3});
}

TEST_CASE("Every backend keeps momentum to the reference's bits") {
    compare_types<Gaussian>(make_momentum, few_sizes, {0, 1, 2, 3});
}

TEST_CASE("Every backend keeps Adam's moments to the reference's bits") {
    compare_types<Gaussian>(make_adam, few_sizes, {0, 1, 2, 3});
    compare<float, Rademacher>(make_windowed_adam, few_sizes, {1, 2, 5});
    compare<double, Rademacher>(make_windowed_adam, few_sizes, {1, 2, 5});
}
