#include "cuda/launched_on_host.hpp"

#include <zeroth/directions/gaussian.hpp>

#include <cstddef>
#include <cstdint>
#include <vector>

using namespace zeroth_test;

namespace {

template <class T, int Width, class Operation>
void check_lanes(Operation (*make)(const Memory&)) {
    for (const std::size_t n : {std::size_t{1}, std::size_t{17}, std::size_t{777}}) {
        CHECK(run<T>(OnLanes<T, Width>{}, Gaussian{}, n, 2, make) == run<T>(ReferenceOf<T>{}, Gaussian{}, n, 2, make));
    }
}

} // namespace

TEST_CASE("A device's lanes carry out the operations to the reference's bits") {
    check_lanes<float, 4>(make_adam);
    check_lanes<double, 2>(make_update_on_grid);
}

TEST_CASE("A device's lanes load and store any address and any number of elements") {
    std::vector<float16> stored(64);
    for (std::size_t i = 0; i < stored.size(); ++i) {
        stored[i].bits = static_cast<std::uint16_t>(i * 1009);
    }
    using Pack = Access<cuda::Lanes<8>, float16>;
    for (std::size_t at = 0; at < 16; ++at) {
        for (int count = 1; count <= 8; ++count) {
            std::vector<float16> copy(64);
            const auto x = load<cuda::Lanes<8>>(static_cast<const float16*>(stored.data() + at), SomeLanes{count});
            store<cuda::Lanes<8>>(copy.data() + at, x, SomeLanes{count});
            for (std::size_t i = 0; i < copy.size(); ++i) {
                const bool is_written = i >= at && i < at + static_cast<std::size_t>(count);
                REQUIRE(copy[i].bits == (is_written ? float16{static_cast<float>(stored[i])}.bits : 0));
            }
        }
        std::vector<float16> upper(64);
        Pack::Word words{};
        for (int l = 0; l < 8; ++l) {
            words.lane[l] = 0x10000u * static_cast<std::uint32_t>(l + 1) + 0xFFFFu;
        }
        Pack::store_upper(upper.data() + at, words);
        for (std::size_t l = 0; l < 8; ++l) {
            REQUIRE(upper[at + l].bits == l + 1);
        }
    }
}
