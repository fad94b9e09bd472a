#include "backends/bit_equality.hpp"

#include <zeroth/directions/gaussian.hpp>
#include <zeroth/directions/uniform.hpp>

#include <string>

using namespace zeroth_test;

namespace {

/// What a move does to many blocks of at most 200 weights, one now and then of more or of another type: all bytes.
template <class D, class Backend, class Operation>
std::vector<unsigned char> moved(const Backend& backend, const Operation& operation, int count) {
    std::vector<float> w = weights<float>(20'000);
    std::vector<bfloat16> other = weights<bfloat16>(2000);
    std::vector<Block> blocks;
    std::size_t before = 0, before_other = 0;
    for (std::size_t b = 0; before + 700 < w.size() && before_other + 200 < other.size(); ++b) {
        const std::size_t size = b % 23 == 22 ? 700 : b * 37 % 201;
        const std::string name = "block " + std::to_string(b);
        if (b % 11 == 7 && size <= 200) {
            blocks.push_back({name, other.data() + before_other, ScalarType::bfloat16, {hash_name(name), size, 1}});
            before_other += size;
        } else {
            blocks.push_back({name, w.data() + before, ScalarType::float32, {hash_name(name), size, 1}});
            before += size;
        }
    }
    traverse(backend, blocks, D{}, some_keys(count), some_rows(count, 1), operation);
    std::vector<unsigned char> bytes(w.size() * sizeof(float) + other.size() * sizeof(bfloat16));
    std::memcpy(bytes.data(), w.data(), w.size() * sizeof(float));
    std::memcpy(bytes.data() + w.size() * sizeof(float), other.data(), other.size() * sizeof(bfloat16));
    return bytes;
}

template <class D, class Operation>
void check_small(const Operation& operation) {
    using Types = ScalarTypes<float, bfloat16>;
    for (const int count : {1, 2}) {
        const auto expected = moved<D>(Reference{}, operation, count);
        CHECK(moved<D>(Simd<WidestArch, Types>{}, operation, count) == expected);
        for (const int threads : {2, 3, 7}) {
            CHECK(moved<D>(Threads<Simd<WidestArch, Types>>{{}, threads, 1}, operation, count) == expected);
        }
    }
}

} // namespace

TEST_CASE("Small blocks drawn together have the reference's bits") {
    check_small<Gaussian>(Displace{});
    check_small<Gaussian>(DisplaceBase{Key{11, 5, 0}});
    check_small<Uniform>(Displace{});
}
