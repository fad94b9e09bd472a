// Stretches of a block where a direction is 0 are left alone, by every backend alike.

#include "backends/bit_equality.hpp"

#include <zeroth/directions/gaussian.hpp>
#include <zeroth/directions/masked.hpp>
#include <zeroth/directions/rademacher.hpp>

#include <bit>

using namespace zeroth_test;

namespace {

/// A block of negative zeros, moved under a mask of a few bits: a 0 added to one would make it positive.
struct Sparse {
    std::size_t n;
    std::vector<float> w;
    std::vector<std::uint32_t> bits;

    explicit Sparse(std::size_t size) : n{size}, w(size, -0.0f), bits((size + 31) / 32) {
        for (std::size_t i = 0; i < size; i = 3 * i + 1) {
            bits[i / 32] |= 1u << (i % 32);
        }
    }
    template <class D, class Backend>
    std::vector<std::uint32_t> moved(const Backend& backend, int count) {
        const BlockIdentity identity{hash_name("first"), n, 1};
        const std::vector<Block> blocks{{"first", w.data(), ScalarType::float32, identity}};
        const std::uint32_t* const words = bits.data();
        const Masked direction{D{}, BitMask{{&words, 1}, {&identity, 1}}};
        auto all = moves<1>(count);
        for (Move<1>& move : all) {
            move.coefficient[0] = 1e-3;
        }
        backend.traverse(std::span<const Block>{blocks}, direction, std::span<const Move<1>>{all}, Displace{});
        std::vector<std::uint32_t> result;
        for (const float x : w) {
            result.push_back(std::bit_cast<std::uint32_t>(x));
        }
        return result;
    }
};

template <class D>
void check_stretches() {
    using Vector = Simd<WidestArch, ScalarTypes<float>>;
    for (const std::size_t n : std::vector<std::size_t>{1, 16, 100, 511, 513, 2048, 4097, 40'003}) {
        for (const int count : {1, 2, 3, 8}) {
            INFO("elements " << n << ", moves " << count);
            const auto expected = Sparse{n}.moved<D>(ReferenceOf<float>{}, count);
            CHECK(Sparse{n}.moved<D>(Vector{}, count) == expected);
            CHECK(Sparse{n}.moved<D>(Threads<Vector>{{}, 3, 1}, count) == expected);
            CHECK(Sparse{n}.moved<D>(Threads<Vector>{{}, 7, 1}, count) == expected);
        }
    }
}

} // namespace

TEST_CASE("Stretches under a mask without bits are skipped alike") {
    check_stretches<Gaussian>();
    check_stretches<Rademacher>();
}

TEST_CASE("A stretch without bits is left alone, one with a bit is not") {
    Sparse sparse{4 * stretch_size<Gaussian>};
    const auto moved = sparse.moved<Gaussian>(Simd<WidestArch, ScalarTypes<float>>{}, 1);
    std::size_t touched = 0, skipped = 0;
    for (std::size_t first = 0; first < moved.size(); first += stretch_size<Gaussian>) {
        std::uint32_t any = 0;
        for (std::size_t i = first; i < first + stretch_size<Gaussian>; i += 32) {
            any |= sparse.bits[i / 32];
        }
        for (std::size_t i = first; i < first + stretch_size<Gaussian>; ++i) {
            const bool is_set = (sparse.bits[i / 32] >> (i % 32) & 1u) != 0;
            if (any == 0) {
                CHECK(moved[i] == 0x80000000u);
                ++skipped;
            } else {
                CHECK((moved[i] << 1 != 0) == is_set);
                ++touched;
            }
        }
    }
    CHECK(touched > 0);
    CHECK(skipped > 0);
}
