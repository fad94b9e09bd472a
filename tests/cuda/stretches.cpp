// Stretches of a block under a mask without bits are left alone by a device's threads as by the host's backends.

#include "cuda/launched_on_host.hpp"

#include <zeroth/directions/gaussian.hpp>
#include <zeroth/directions/masked.hpp>
#include <zeroth/directions/rademacher.hpp>
#include <zeroth/directions/reuse_pool.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

using namespace zeroth_test;

namespace {

const std::vector<std::size_t> sizes{1, 511, 512, 513, 1025, 2047, 2048, 2049, 6000, 20'001};

/// A block of negative zeros, moved under a mask of a few bits: a 0 added to one would make it positive.
template <class T, class D, class B, class Operation>
std::vector<T> moved(const B& backend, std::size_t n, int count, const Operation& operation) {
    std::vector<T> w(n, T(-0.0f));
    std::vector<std::uint32_t> bits((n + 31) / 32);
    for (std::size_t i = n / 3; i < n; i = 3 * i + 1) {
        bits[i / 32] |= 1u << (i % 32);
    }
    const BlockIdentity identity{hash_name("first"), n, 1};
    const std::vector<Block> blocks{{"first", w.data(), scalar_traits<T>::type, identity}};
    const std::uint32_t* const words = bits.data();
    const Masked direction{D{}, BitMask{{&words, 1}, {&identity, 1}}};
    traverse(backend, blocks, direction, some_keys(count), some_rows(count, 1), operation);
    return w;
}

template <class T>
std::size_t negative_zeros(const std::vector<T>& w) {
    const T zero = T(-0.0f);
    std::size_t count = 0;
    for (const T& x : w) {
        count += std::memcmp(&x, &zero, sizeof(T)) == 0 ? 1 : 0;
    }
    return count;
}

template <class T, class D, class Operation>
void check_stretches(const Operation& operation) {
    for (const std::size_t n : sizes) {
        for (const int count : {0, 1, 2, 3}) {
            INFO("elements " << n << ", moves " << count);
            const auto expected = moved<T, D, ReferenceOf<T>>({}, n, count, operation);
            const auto result = moved<T, D, LaunchedOnHost<T>>({}, n, count, operation);
            CHECK(std::memcmp(result.data(), expected.data(), n * sizeof(T)) == 0);
            if (count > 0 && n > 6000) {
                CHECK(negative_zeros(result) > stretch_size<typename D::Ray>);
                CHECK(negative_zeros(result) < n);
            }
        }
    }
}

} // namespace

TEST_CASE("A device's threads leave stretches without a bit alone, as the reference does") {
    check_stretches<float, Gaussian>(Displace{});
    check_stretches<float, Rademacher>(Displace{});
    check_stretches<bfloat16, Gaussian>(DisplaceBase{Key{1, 2, 3}});
    check_stretches<double, Rademacher>(DisplaceBase{Key{1, 2, 3}});
    check_stretches<float, ReusePool>(Displace{});
}

TEST_CASE("A device's threads leave no stretch alone where weights decay") {
    const UpdateInPlace<Descend<PlainStep>> update{some_rates.move(Key{1, 2, 3})};
    std::vector<float> w = weights<float>(4096);
    const auto before = w;
    const std::vector<std::uint32_t> bits(4096 / 32);
    const BlockIdentity identity{hash_name("first"), 4096, 1};
    const std::vector<Block> blocks{{"first", w.data(), ScalarType::float32, identity}};
    const std::uint32_t* const words = bits.data();
    const Masked direction{Gaussian{}, BitMask{{&words, 1}, {&identity, 1}}};
    traverse(LaunchedOnHost<float>{}, blocks, direction, some_keys(1), some_rows(1, 3), update);
    CHECK(std::memcmp(w.data(), before.data(), 4096 * sizeof(float)) != 0);
}
