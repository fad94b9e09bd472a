// Stretches of a block where a direction is 0 are left alone, by every backend alike.

#include "backends/bit_equality.hpp"

#include <zeroth/directions/gaussian.hpp>
#include <zeroth/directions/masked.hpp>
#include <zeroth/directions/rademacher.hpp>

#include <bit>
#include <string>

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
        traverse(backend, blocks, direction, some_keys(count), std::vector<double>(static_cast<std::size_t>(count), 1e-3), Displace{});
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
    void validate() const noexcept {}
    struct Ray {
        std::uint64_t half;
        bool is_second;

        template <class Lanes>
        ZEROTH_INLINE typename Lanes::Float read(std::uint64_t element, const typename Lanes::Float& z) const noexcept {
            return lanes_of_bits<Lanes>(none(element, 1) ? 0 : 0xFFFFu, z);
        }
        [[nodiscard]] bool none(std::uint64_t first, std::uint64_t) const noexcept { return (first >= half) != is_second; }
    };
    [[nodiscard]] Ray ray(const Key& key, const BlockIdentity& block, std::size_t) const noexcept {
        return {block.size() / 2, key.step % 2 == 1};
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
    constexpr std::uint64_t n = 4 * stretch_size<Gaussian::Ray>;
    for (const std::uint32_t count : {2u, 4u, 18u}) {
        std::vector<Key> keys;
        for (std::uint32_t k = 0; k < count; ++k) {
            keys.push_back(Key{11, k, 0});
        }
        const auto moved = [&](const auto& backend) {
            std::vector<float> w(n, 1.0f);
            const std::vector<Block> blocks{{"first", w.data(), ScalarType::float32, {hash_name("first"), n, 1}}};
            traverse(backend, blocks, Masked{Gaussian{}, HalfOfStep{}}, keys, std::vector<double>(count, 1e-3), Displace{});
            return w;
        };
        const std::vector<float> w = moved(Vector{});
        CHECK(w == moved(ReferenceOf<float>{}));
        for (std::size_t i = 0; i < n; i += 97) {
            CHECK(w[i] != 1.0f);
        }
    }
}

TEST_CASE("Small blocks under a mask without bits are left alone, and among others") {
    // Of a tile at most, so that they are drawn together; every third has a bit.
    constexpr std::size_t size = 100, count = 40;
    const auto moved = [&](const auto& backend, int keys) {
        std::vector<float> w(size * count, -0.0f);
        std::vector<std::uint32_t> bits(4 * count);
        std::vector<const std::uint32_t*> words;
        std::vector<BlockIdentity> identities;
        std::vector<Block> blocks;
        for (std::size_t b = 0; b < count; ++b) {
            bits[4 * b + b % 4] = b % 3 == 0 ? 8u : 0u;
            words.push_back(bits.data() + 4 * b);
            const std::string name = std::string{"b"}.append(std::to_string(b));
            identities.push_back({hash_name(name), size, 1});
            blocks.push_back({name, w.data() + size * b, ScalarType::float32, identities.back()});
        }
        const Masked direction{Gaussian{}, BitMask{words, identities}};
        traverse(backend, blocks, direction, some_keys(keys), std::vector<double>(static_cast<std::size_t>(keys), 1e-3), Displace{});
        return w;
    };
    using Vector = Simd<WidestArch, ScalarTypes<float>>;
    for (const int keys : {1, 2, 5}) {
        const std::vector<float> w = moved(Vector{}, keys);
        const std::vector<float> expected = moved(ReferenceOf<float>{}, keys);
        const std::vector<float> threaded = moved(Threads<Vector>{{}, 3, 1}, keys);
        for (std::size_t b = 0; b < count; ++b) {
            for (std::size_t i = 0; i < size; ++i) {
                const std::size_t at = size * b + i;
                REQUIRE(std::bit_cast<std::uint32_t>(w[at]) == std::bit_cast<std::uint32_t>(expected[at]));
                REQUIRE(std::bit_cast<std::uint32_t>(w[at]) == std::bit_cast<std::uint32_t>(threaded[at]));
                if (b % 3 != 0) {
                    REQUIRE(std::bit_cast<std::uint32_t>(w[at]) == 0x80000000u);
                } else {
                    REQUIRE((w[at] != 0) == (i == 32 * (b % 4) + 3 && i < size));
                }
            }
        }
    }
}

TEST_CASE("Up to sixteen rays are asked where they are 0, with more every stretch is visited") {
    using Vector = Simd<WidestArch, ScalarTypes<float>>;
    for (const int count : {4, 15, 16, 17, 33}) {
        INFO("moves " << count);
        Sparse sparse{4 * stretch_size<Gaussian::Ray>};
        const auto moved = sparse.moved<Gaussian>(Vector{}, count);
        CHECK(moved == Sparse{sparse.n}.moved<Gaussian>(ReferenceOf<float>{}, count));
        CHECK(moved == Sparse{sparse.n}.moved<Gaussian>(Threads<Vector>{{}, 3, 1}, count));
        std::size_t skipped = 0;
        for (std::size_t first = 0; first < moved.size(); first += stretch_size<Gaussian::Ray>) {
            std::uint32_t any = 0;
            for (std::size_t i = first; i < first + stretch_size<Gaussian::Ray>; i += 32) {
                any |= sparse.bits[i / 32];
            }
            for (std::size_t i = first; any == 0 && i < first + stretch_size<Gaussian::Ray>; ++i) {
                REQUIRE(moved[i] == (count <= static_cast<int>(max_skipping_rays) ? 0x80000000u : 0u)); // -0 + 0 is 0
                ++skipped;
            }
        }
        CHECK(skipped > 0);
    }
}

TEST_CASE("A stretch without bits is left alone, one with a bit is not") {
    Sparse sparse{4 * stretch_size<Gaussian::Ray>};
    const auto moved = sparse.moved<Gaussian>(Simd<WidestArch, ScalarTypes<float>>{}, 1);
    std::size_t touched = 0, skipped = 0;
    for (std::size_t first = 0; first < moved.size(); first += stretch_size<Gaussian::Ray>) {
        std::uint32_t any = 0;
        for (std::size_t i = first; i < first + stretch_size<Gaussian::Ray>; i += 32) {
            any |= sparse.bits[i / 32];
        }
        for (std::size_t i = first; i < first + stretch_size<Gaussian::Ray>; ++i) {
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
