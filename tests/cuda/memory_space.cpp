#include "reference_of.hpp"

#include <zeroth/cursor.hpp>
#include <zeroth/directions/bit_masks.hpp>
#include <zeroth/directions/rademacher.hpp>
#include <zeroth/parameters/block_scales.hpp>
#include <zeroth/parameters/partition.hpp>

#include <catch2/catch_test_macros.hpp>

#include <stdexcept>
#include <vector>

namespace {

using namespace zeroth;

/// A backend that would reach a device's memory.
struct OfDevice : zeroth_test::ReferenceOf<float> {
    static constexpr MemorySpace space = MemorySpace::device;
};

Parameters weights_in(MemorySpace space, std::vector<float>& w) {
    Parameters parameters;
    parameters.add("w", std::span{w}, {}, {.space = space});
    return parameters;
}

template <class B>
void make_cursor(const Parameters& parameters) {
    Cursor<Rademacher, InPlace, B>{parameters, {}, {}, {}, 1.0, 1};
}

} // namespace

TEST_CASE("Blocks that lie where the backend does not reach are refused") {
    std::vector<float> w(4);
    const Parameters on_host = weights_in(MemorySpace::host, w);
    const Parameters on_device = weights_in(MemorySpace::device, w);
    CHECK_NOTHROW(make_cursor<zeroth_test::ReferenceOf<float>>(on_host));
    CHECK_NOTHROW(make_cursor<OfDevice>(on_device));
    CHECK_THROWS_AS(make_cursor<zeroth_test::ReferenceOf<float>>(on_device), std::invalid_argument);
    CHECK_THROWS_AS(make_cursor<OfDevice>(on_host), std::invalid_argument);
}

TEST_CASE("A part of the parameters lies where they do") {
    std::vector<float> w(4);
    const Partition parts = partition_by_tensor(weights_in(MemorySpace::device, w));
    CHECK(parts.parts[0].blocks()[0].options.space == MemorySpace::device);
}

TEST_CASE("What reads weights on the host refuses a device's") {
    std::vector<float> w(4);
    const Parameters on_device = weights_in(MemorySpace::device, w);
    BitMasks masks{on_device};
    CHECK_NOTHROW(masks.set(0, 1));
    CHECK_THROWS_AS(masks.keep_largest(0.5), std::invalid_argument);
    CHECK_THROWS_AS(static_cast<void>(shares_by_magnitude(on_device, 0.5)), std::invalid_argument);
    CHECK_THROWS_AS(static_cast<void>(scales_by_rms(on_device)), std::invalid_argument);
}
