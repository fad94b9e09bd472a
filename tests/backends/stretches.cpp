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

/// The first half of a block in even steps, the other in odd ones.
struct HalfOfStep {
    bool operator()(const Key& key, const BlockIdentity& block, std::uint64_t element) const noexcept {
        return (element >= block.size() / 2) == (key.step % 2 == 1);
    }
    void prepare(Stream&, std::size_t) const noexcept {}
    void validate() const noexcept {}
    template <class Lanes>
    ZEROTH_INLINE static typename Lanes::Float read(const Stream& stream, std::uint64_t element, const typename Lanes::Float& z) noexcept {
        return lanes_of_bits<Lanes>(none(stream, element, 1) ? 0 : 0xFFFFu, z);
    }
    static bool none(const Stream& stream, std::uint64_t first, std::uint64_t) noexcept {
        return (first >= stream.block.size() / 2) != (stream.key.step % 2 == 1);
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

TEST_CASE("A stretch is left alone only where all keys' numbers are 0") {
    using Vector = Simd<WidestArch, ScalarTypes<float>>;
    constexpr std::uint64_t n = 4 * stretch_size<Gaussian>;
    for (const std::uint32_t count : {2u, 4u, 18u}) {
        std::vector<Move<1>> all;
        for (std::uint32_t k = 0; k < count; ++k) {
            all.push_back({Key{11, k, 0}, {1e-3}});
        }
        const auto moved = [&](const auto& backend) {
            std::vector<float> w(n, 1.0f);
            const std::vector<Block> blocks{{"first", w.data(), ScalarType::float32, {hash_name("first"), n, 1}}};
            backend.traverse(std::span<const Block>{blocks}, Masked{Gaussian{}, HalfOfStep{}}, std::span<const Move<1>>{all}, Displace{});
            return w;
        };
        const std::vector<float> w = moved(Vector{});
        CHECK(w == moved(ReferenceOf<float>{}));
        for (std::size_t i = 0; i < n; i += 97) {
            CHECK(w[i] != 1.0f);
        }
    }
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
