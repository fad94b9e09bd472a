#pragma once

#include "prepared.hpp"
#include "rates.hpp"
#include "reference_of.hpp"

#include <zeroth/backends/simd.hpp>
#include <zeroth/backends/threads.hpp>
#include <zeroth/cursor.hpp>
#include <zeroth/updates/adam.hpp>
#include <zeroth/updates/momentum.hpp>
#include <zeroth/updates/sign_sgd.hpp>
#include <zeroth/updates/windowed_adam.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <span>
#include <vector>

namespace zeroth_test {

using namespace zeroth;

template <class T>
std::vector<T> weights(std::size_t n) {
    std::vector<T> w(n);
    for (std::size_t i = 0; i < n; ++i) {
        w[i] = T(static_cast<float>(static_cast<int>(i * 7919 % 1009) - 504) * 0.001f);
    }
    return w;
}

inline std::vector<Key> some_keys(int count) {
    std::vector<Key> keys;
    for (int k = 0; k < count; ++k) {
        keys.push_back(Key{11, 5, static_cast<std::uint32_t>(k)});
    }
    return keys;
}
/// So many coefficients for each of the keys.
inline std::vector<double> some_rows(int count, int coefficients) {
    std::vector<double> rows;
    for (int k = 0; k < count; ++k) {
        for (int c = 0; c < coefficients; ++c) {
            rows.push_back((k % 2 == 0 ? 1e-3 : -7e-4) * (1 + k + 0.3 * c));
        }
    }
    return rows;
}

/// What operations point to.
struct Memory {
    std::byte* const* base;
    const double* quanta;
    double* largest;
    std::int64_t* units;
    MomentPlace mean;
    MomentPlace square;
};

/// What an operation with a direction and moves does to blocks, by a backend.
using Traverse = std::function<void(std::span<const Block>, const Memory&)>;

/// A traversal of two blocks of weights of type T, one of them not aligned: all bytes it may have changed. Compiled once for a type.
template <class T>
[[gnu::noinline]] std::vector<unsigned char> run(std::size_t n, const Traverse& traverse_blocks) {
    std::vector<T> w = weights<T>(n + 3);
    std::vector<T> second = weights<T>(n / 2 + 1);
    std::vector<T> base_1 = weights<T>(n);
    std::vector<T> base_2 = weights<T>(n / 2 + 1);
    const std::vector<Block> blocks{{"first", w.data() + 1, scalar_traits<T>::type, {hash_name("first"), n, 1}},
                                    {"second", second.data(), scalar_traits<T>::type, {hash_name("second"), n / 2 + 1, 1}}};
    std::byte* const bases[2] = {reinterpret_cast<std::byte*>(base_1.data()), reinterpret_cast<std::byte*>(base_2.data())};
    const double quanta[2] = {0x1p-22, 0x1p-21};
    double largest[2] = {};
    std::int64_t units[2] = {};
    Moment mean{blocks};
    Moment square{blocks};
    traverse_blocks(blocks, {bases, quanta, largest, units, mean.place(), square.place()});
    std::vector<unsigned char> bytes;
    const auto keep = [&](const void* data, std::size_t size) {
        const std::size_t before = bytes.size();
        bytes.resize(before + size);
        if (size != 0) {
            std::memcpy(bytes.data() + before, data, size);
        }
    };
    keep(w.data(), w.size() * sizeof(T));
    keep(second.data(), second.size() * sizeof(T));
    keep(base_1.data(), base_1.size() * sizeof(T));
    keep(base_2.data(), base_2.size() * sizeof(T));
    keep(largest, sizeof largest);
    keep(units, sizeof units);
    keep(mean.bytes().data(), mean.bytes().size());
    keep(square.bytes().data(), square.bytes().size());
    return bytes;
}

template <class T, class D, class Operation, class Backend>
std::vector<unsigned char> run(const Backend& backend, const D& direction, std::size_t n, int count, Operation (*make)(const Memory&)) {
    return run<T>(n, [&](std::span<const Block> blocks, const Memory& memory) {
        traverse(backend, blocks, direction, some_keys(count), some_rows(count, Operation::coefficients), make(memory));
    });
}

/// What each backend makes of a size and a number of moves, the reference first.
using Results = std::function<std::vector<unsigned char>(std::size_t backend, std::size_t n, int count)>;

inline void check_equal(const Results& results, const std::vector<std::size_t>& sizes, const std::vector<int>& counts) {
    for (const std::size_t n : sizes) {
        for (const int count : counts) {
            const std::vector<unsigned char> expected = results(0, n, count);
            for (std::size_t backend = 1; backend <= 5; ++backend) {
                INFO("elements " << n << ", moves " << count << ", backend " << backend);
                CHECK(results(backend, n, count) == expected);
            }
        }
    }
}

/// Backends compiled for weights of type T alone, unless named.
template <class T, class D, class Scalar = ReferenceOf<T>, class Vector = Simd<WidestArch, ScalarTypes<T>>, class Operation>
void compare(Operation (*make)(const Memory&), const std::vector<std::size_t>& sizes, const std::vector<int>& counts) {
    check_equal(
        [&](std::size_t backend, std::size_t n, int count) {
            if (backend == 0) {
                return run<T, D>(Scalar{}, D{}, n, count, make);
            }
            if (backend == 1) {
                return run<T, D>(Vector{}, D{}, n, count, make);
            }
            constexpr int threads[] = {1, 2, 3, 7};
            return run<T, D>(Threads<Vector>{{}, threads[backend - 2], 1}, D{}, n, count, make);
        },
        sizes, counts);
}

/// For every type of weights, by the backends that know all of them.
template <class D, class Operation>
void compare_types(Operation (*make)(const Memory&), const std::vector<std::size_t>& sizes, const std::vector<int>& counts) {
    compare<float, D, Reference, Simd<>>(make, sizes, counts);
    compare<double, D, Reference, Simd<>>(make, sizes, counts);
    compare<bfloat16, D, Reference, Simd<>>(make, sizes, counts);
    compare<float16, D, Reference, Simd<>>(make, sizes, counts);
}

/// None, up to three registers, around the tiles of every direction, and several.
inline const std::vector<std::size_t> all_sizes{0,  1,  3,   4,   7,   8,   9,   15,   16,   17,   31,   32,  33,
                                                47, 48, 100, 127, 128, 129, 511, 512, 513, 2047, 2048, 2049, 6000};
inline const std::vector<std::size_t> few_sizes{0, 1, 17, 129, 2049, 5000};

inline Displace make_displace(const Memory&) { return {}; }
inline DisplaceBase make_displace_base(const Memory&) { return {Key{1, 2, 3}}; }
inline UpdateInPlace<Descend<PlainStep>> make_update_in_place(const Memory&) { return {some_rates.move(Key{1, 2, 3})}; }
inline UpdateInPlace<Descend<SignStep>> make_sign(const Memory&) { return {some_rates.move<SignStep>(Key{1, 2, 3})}; }
inline Descend<MomentumStep> momentum_of(const Memory& memory) { return some_rates.move(Key{1, 2, 3}, MomentumStep{0.9, memory.mean}); }
inline Descend<AdamStep> adam_of(const Memory& memory) {
    return some_rates.move(Key{1, 2, 3}, AdamStep{0.9, 0.99, 10.0, 100.0, 1e-8, memory.mean, memory.square});
}
inline UpdateInPlace<Descend<MomentumStep>> make_momentum(const Memory& memory) { return {momentum_of(memory)}; }
inline UpdateInPlace<Descend<AdamStep>> make_adam(const Memory& memory) { return {adam_of(memory)}; }
inline UpdateInPlace<Descend<WindowedAdamStep>> make_windowed_adam(const Memory&) {
    return {some_rates.move(Key{1, 2, 3}, WindowedAdamStep{1e-8})};
}
inline DisplaceFrom make_displace_from(const Memory& memory) { return {memory.base}; }
inline UpdateFrom<Descend<PlainStep>> make_update_from(const Memory& memory) { return {memory.base, some_rates.move(Key{1, 2, 3})}; }
inline DisplaceOnGrid make_on_grid(const Memory& memory) { return {memory.quanta}; }
inline DisplaceOnGrid make_to_opposite(const Memory& memory) { return {memory.quanta, 2}; }
inline DisplaceOnGrid make_off_grid(const Memory& memory) { return {memory.quanta, -1}; }
inline const Rates grid_rates{0.9999, -0.5};
inline UpdateOnGrid<Descend<PlainStep>> make_update_on_grid(const Memory& memory) {
    return {memory.quanta, memory.largest, grid_rates.move(Key{1, 2, 3})};
}
inline LayGrid make_lay(const Memory& memory) { return {memory.quanta}; }
inline LargestMagnitude make_largest(const Memory& memory) { return {memory.largest}; }
inline SquaredNorm make_squared_norm(const Memory& memory) { return {memory.units}; }

} // namespace zeroth_test
