// Each rule, with coordinate-wise estimates, against a plain dense computation.

#include "updates/dense.hpp"

#include <zeroth/estimators/coordinate_wise.hpp>

#include <catch2/catch_template_test_macros.hpp>

#include <concepts>
#include <cstdint>
#include <type_traits>
#include <utility>

using namespace zeroth_test;

namespace {

/// In cyclic order the unit vectors are counted off here; drawn ones are asked of the direction.
Gradients coordinate_wise(const Problem& at, std::uint64_t step, std::uint32_t coordinates, const Coordinate& direction) {
    Gradients result;
    for (std::uint32_t j = 0; j < coordinates; ++j) {
        const std::uint64_t number = step * coordinates + j;
        Vector z(at.weights.size());
        if (direction.order() == CoordinateOrder::cyclic) {
            z[static_cast<std::size_t>(number) % z.size()] = 1;
        } else {
            z = materialised(at, direction, Key{seed, number, 0});
        }
        const double above = at.loss(moved(at.weights, epsilon, z));
        const double below = at.loss(moved(at.weights, -epsilon, z));
        result.c.push_back((above - below) / (2 * epsilon));
        result.z.push_back(std::move(z));
    }
    return result;
}

} // namespace

TEMPLATE_TEST_CASE("Two hundred coordinate-wise steps are those of the dense computation", "", Sgd, SignSgd, ScalarSignSgd, Momentum,
                   WindowedMomentum, Adam, WindowedAdam, Conservative) {
    for (const CoordinateOrder order : {CoordinateOrder::cyclic, CoordinateOrder::random}) {
        for (const std::uint32_t coordinates : {1u, 5u}) {
            INFO("order " << static_cast<int>(order) << ", coordinates " << coordinates);
            const auto make = [&](const Parameters& parameters) {
                return CoordinateWise{.direction = Coordinate{parameters, order}, .epsilon = epsilon, .coordinates = coordinates};
            };
            const auto dense = [&](Problem& at, std::uint64_t step) {
                return coordinate_wise(at, step, coordinates, Coordinate{at.parameters(), order});
            };
            // Conservative's candidates lie beyond the reach that Exact laid its grid for: laying it anew costs traversals.
            compare<TestType, std::conditional_t<std::same_as<TestType, Conservative>, Snapshot, Exact>>(make, dense, forward_of, false);
        }
    }
}
