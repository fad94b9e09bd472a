#include <zeroth/random/dither.hpp>
#include <zeroth/random/philox.hpp>
#include <zeroth/random/scalar_lanes.hpp>

#include "data_file.hpp"

#include <catch2/catch_test_macros.hpp>

#include <bit>
#include <cmath>
#include <fstream>
#include <sstream>
#include <string>

using namespace zeroth;

TEST_CASE("Philox gives the published words") {
    CHECK(philox4x32({}, {}) == PhiloxWords{{0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u}});
    CHECK(philox4x32<7>({}, {}) == PhiloxWords{{0x5f6fb709u, 0x0d893f64u, 0x4f121f81u, 0x4f730a48u}});
    constexpr std::uint32_t ones = 0xFFFFFFFFu;
    CHECK(philox4x32({{ones, ones, ones, ones}}, {ones, ones}) ==
          PhiloxWords{{0x408f276du, 0x41c83b0eu, 0xa20bc7c6u, 0x6d5451fdu}});
}

TEST_CASE("Philox agrees with every vector of Random123") {
    const auto path = data_file("random123/kat_vectors");
    if (path.empty()) {
        SKIP("random123/kat_vectors is not in ZEROTH_DATA_DIR");
    }
    std::ifstream file{path};
    int lines = 0;
    for (std::string line; std::getline(file, line);) {
        std::istringstream fields{line};
        std::string name;
        int rounds = 0;
        if (!(fields >> name >> rounds) || name != "philox4x32") {
            continue;
        }
        std::uint32_t word[10] = {};
        fields >> std::hex;
        for (std::uint32_t& value : word) {
            fields >> value;
        }
        REQUIRE(fields);
        const PhiloxWords counter{{word[0], word[1], word[2], word[3]}};
        const PhiloxKey key{word[4], word[5]};
        const PhiloxWords expected{{word[6], word[7], word[8], word[9]}};
        REQUIRE((rounds == 7 || rounds == 10));
        INFO(line);
        CHECK((rounds == 7 ? philox4x32<7>(counter, key) : philox4x32<10>(counter, key)) == expected);
        ++lines;
    }
    CHECK(lines >= 6);
}

TEST_CASE("The lanes' fused multiply-add rounds once, whatever the machine has") {
    std::uint32_t state = 1;
    const auto number = [&] {
        state = state * 1664525u + 1013904223u;
        // Exponents close together, so that sums cancel and tie often.
        return std::bit_cast<float>((state & 0x807FFFFFu) | ((120u + (state >> 24) % 16u) << 23));
    };
    for (int i = 0; i < 2000000; ++i) {
        const float a = number();
        const float b = number();
        const float c = number();
        REQUIRE(std::bit_cast<std::uint32_t>(ScalarLanes::fma(a, b, c)) == std::bit_cast<std::uint32_t>(std::fma(a, b, c)));
    }
    // A sum that in double falls on a tie of float although it is none.
    const float a = 1.0f + 0x1p-12f;
    CHECK(ScalarLanes::fma(a, a, 0x1p-60f) == std::fma(a, a, 0x1p-60f));
    CHECK(ScalarLanes::fma(a, a, -0x1p-60f) == std::fma(a, a, -0x1p-60f));
}

TEST_CASE("Rounding noise is uniform, and independent between keys and elements") {
    const BlockIdentity block{7, 1 << 20, 1};
    const Dither first{Key{1, 1, 0}, block};
    const Dither second{Key{1, 2, 0}, block};
    constexpr int n = 1 << 20;
    double mean = 0;
    double square = 0;
    double across_keys = 0;
    double across_elements = 0;
    double before = 0;
    for (std::uint64_t i = 0; i < n; ++i) {
        const double x = first.words<ScalarLanes>(i) * 0x1p-32 - 0.5;
        const double y = second.words<ScalarLanes>(i) * 0x1p-32 - 0.5;
        mean += x;
        square += x * x;
        across_keys += x * y;
        across_elements += x * before;
        before = x;
    }
    const double sigma = 1 / std::sqrt(12.0 * n);
    CHECK(std::abs(mean / n) < 5 * sigma);
    CHECK(std::abs(square / n - 1.0 / 12) < 5 * std::sqrt(1.0 / 180 / n));
    CHECK(std::abs(across_keys / n) < 5 / (12 * std::sqrt(double{n})));
    CHECK(std::abs(across_elements / n) < 5 / (12 * std::sqrt(double{n})));
}
