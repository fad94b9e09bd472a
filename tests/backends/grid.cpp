#include "backends/bit_equality.hpp"

#include <zeroth/directions/gaussian.hpp>

#include <limits>

using namespace zeroth_test;

TEST_CASE("Every backend moves weights on the grid to the reference's bits") {
    compare<float, Gaussian>(make_on_grid, few_sizes, {0, 1, 2, 3, 5});
    compare<double, Gaussian>(make_on_grid, few_sizes, {1, 2, 3});
    compare<float, Gaussian>(make_to_opposite, few_sizes, {1, 2, 3});
    compare<double, Gaussian>(make_to_opposite, few_sizes, {1, 2});
    compare<float, Gaussian>(make_off_grid, few_sizes, {1, 2, 3});
    compare<double, Gaussian>(make_off_grid, few_sizes, {1, 2});
    compare<float, Gaussian>(make_update_on_grid, few_sizes, {0, 1, 2, 3, 5});
    compare<double, Gaussian>(make_update_on_grid, few_sizes, {1, 2, 3});
}

TEST_CASE("Every backend lays the grid, and finds norms and magnitudes as the reference does") {
    compare<float, Gaussian>(make_lay, few_sizes, {0});
    compare<double, Gaussian>(make_lay, few_sizes, {0});
    compare_types<Gaussian>(make_largest, few_sizes, {0});
    compare_types<Gaussian>(make_squared_norm, few_sizes, {1});
}

TEST_CASE("A weight that is not finite makes the largest magnitude NaN") {
    for (const float bad : {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
        for (const std::size_t at : {0u, 5u, 40u, 99u}) {
            std::vector<float> w(100, 1.0f);
            w[at] = bad;
            const Block block{"w", w.data(), ScalarType::float32, {1, 100, 1}};
            double largest = 0;
            Simd<>{}.traverse(Traversal{std::span<const Block>{&block, 1}, LargestMagnitude{&largest}});
            CHECK(largest != largest);
        }
    }
}
