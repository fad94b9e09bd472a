#include "cuda/launched_on_host.hpp"

#include <zeroth/directions/bit_masks.hpp>
#include <zeroth/directions/coordinate.hpp>
#include <zeroth/directions/scaled.hpp>

#include <cstdint>
#include <string>
#include <type_traits>
#include <vector>

using namespace zeroth_test;

namespace {

/// Around registers, tiles and chunks.
const std::vector<std::size_t> sizes{0, 1, 3, 4, 7, 17, 129, 1023, 1025, 8191, 8193, 20001};

/// Keys of different steps, so that tables are drawn anew between them.
std::vector<Key> spread_keys(int count) {
    std::vector<Key> keys;
    for (int k = 0; k < count; ++k) {
        keys.push_back(Key{11, 40 + 30 * static_cast<std::uint64_t>(k), static_cast<std::uint32_t>(k % 2)});
    }
    return keys;
}

template <class T, class D, class Operation, class B>
std::vector<unsigned char> run_spread(const B& backend, const D& direction, std::size_t n, int count, Operation (*make)(const Memory&)) {
    return run<T>(n, [&](std::span<const Block> blocks, const Memory& memory) {
        traverse(backend, blocks, direction, spread_keys(count), some_rows(count, Operation::coefficients), make(memory));
    });
}

template <class T, class D, class Operation>
void check(const D& direction, Operation (*make)(const Memory&), const std::vector<std::size_t>& of, const std::vector<int>& counts) {
    for (const std::size_t n : of) {
        for (const int count : counts) {
            INFO("elements " << n << ", moves " << count);
            const auto expected = run_spread<T>(ReferenceOf<T>{}, direction, n, count, make);
            CHECK(run_spread<T>(LaunchedOnHost<T>{}, direction, n, count, make) == expected);
        }
    }
}

/// Tensors of a model's shapes over one run of weights.
template <class T>
struct Model {
    std::vector<std::vector<T>> weights{};
    Parameters parameters{};

    explicit Model(const std::vector<Shape>& shapes) {
        for (const Shape& shape : shapes) {
            weights.push_back(zeroth_test::weights<T>(shape.rows * shape.columns));
        }
        for (std::size_t b = 0; b < shapes.size(); ++b) {
            parameters.add(std::string{"w"}.append(std::to_string(b)), std::span{weights[b]}, shapes[b]);
        }
    }
    [[nodiscard]] std::vector<unsigned char> bytes() const {
        std::vector<unsigned char> result;
        for (const std::vector<T>& w : weights) {
            const auto* const first = reinterpret_cast<const unsigned char*>(w.data());
            result.insert(result.end(), first, first + w.size() * sizeof(T));
        }
        return result;
    }
};

/// Of rows longer and shorter than a register, a group of them and a tile; and blocks that are not factored.
const std::vector<Shape> shapes{{40, 64}, {64, 172}, {7, 37},   {700, 5}, {33, 16},  {1000, 3},
                                {2, 100}, {600, 2},  {2100, 1}, {9, 300}, {5, 2500}, {17, 17}};

template <class T, class D, class B>
std::vector<unsigned char> displaced(const B& backend, const D& direction, int count) {
    Model<T> model{shapes};
    traverse(backend, model.parameters.blocks(), direction, spread_keys(count), some_rows(count, 1), Displace{});
    return model.bytes();
}

/// What a cursor makes of the weights in a few steps.
template <class T, class B, class D>
std::vector<unsigned char> stepped(const std::vector<Shape>& of, const D& direction) {
    Model<T> model{of};
    {
        Cursor<D, InPlace, B> cursor{model.parameters, direction, {}, B{}, 1e-2, 2, 2};
        for (std::uint64_t step = 0; step < 3; ++step) {
            const Key first{5, step, 0};
            const Key second{5, step, 1};
            cursor.stand_at(Term{first, 1e-2});
            cursor.stand_at(Term{second, -1e-2});
            cursor.update(zeroth_test::descend(0.999, -1e-3, first), std::vector<Term>{{first, 0.5}, {second, -0.25}});
        }
    }
    return model.bytes();
}

template <class T, class D>
void check_steps(const std::vector<Shape>& of, const D& direction) {
    CHECK(stepped<T, LaunchedOnHost<T>>(of, direction) == stepped<T, ReferenceOf<T>>(of, direction));
}

/// Every third bit, and runs of them.
BitMasks& chosen(BitMasks& masks, std::span<const Block> blocks) {
    for (std::size_t b = 0; b < blocks.size(); ++b) {
        for (std::size_t i = 0; i < blocks[b].size(); ++i) {
            if (i % 3 == 0 || i / 50 % 7 == 2) {
                masks.set(b, i);
            }
        }
    }
    return masks;
}

} // namespace

TEST_CASE("A device's threads draw from tables to the reference's bits") {
    check<float>(ReusePool{}, make_displace, sizes, {0, 1, 3});
    check<bfloat16>(ReusePool{.refresh_every = 40}, make_displace_base, few_sizes, {1, 3});
    check<float>(ReusePool{.index_bits = 4, .refresh_every = 10, .power_of_two = true}, make_update_in_place, few_sizes, {1, 2});
    // Too large for a thread block's shared memory.
    check<float>(ReusePool{.index_bits = 14, .running_index = true}, make_displace, few_sizes, {2});
    check<float>(LfsrBank{}, make_displace, sizes, {1, 3});
    check<bfloat16>(LfsrBank{.registers = 5, .register_bits = 5, .refresh_every = 40}, make_displace_base, few_sizes, {3});
    check<float>(MixedPool{}, make_displace, sizes, {0, 1, 3});
    check<bfloat16>(MixedPool{}, make_displace_base, few_sizes, {2});
}

TEST_CASE("Threads share a copy of a table where one small enough serves a launch") {
    const auto shared_by = [](const auto& direction, int count) {
        Model<float> model{shapes};
        using D = std::remove_cvref_t<decltype(direction)>;
        const Prepared<D, LaunchedOnHost<float>> prepared{direction, model.parameters.blocks(), spread_keys(count), some_rows(count, 1), {}};
        std::size_t numbers = 1;
        cuda::for_each_launch<float>(model.parameters.blocks(), Displace{}, prepared.moves(),
                                     [&](const auto& launch) { numbers *= launch.shared().count; });
        return numbers;
    };
    CHECK(shared_by(ReusePool{}, 3) == 4095 + 1024);
    CHECK(shared_by(Masked{ReusePool{}, Bernoulli{}}, 1) == 4095 + 1024);
    CHECK(shared_by(MixedPool{}, 2) == 4096 + 1024);
    CHECK(shared_by(ReusePool{.refresh_every = 30}, 1) != 0);
    CHECK(shared_by(ReusePool{.refresh_every = 30}, 2) == 0);
    CHECK(shared_by(ReusePool{.index_bits = 14}, 1) == 0);
    CHECK(shared_by(ReusePool{}, 0) == 0);
}

TEST_CASE("A device's threads read masks to the reference's bits") {
    check<float>(Masked{Gaussian{}, Bernoulli{.keep = 0.3, .refresh_every = 40}}, make_displace, sizes, {0, 1, 3});
    check<bfloat16>(Masked{Rademacher{}, Bernoulli{}}, make_displace_base, few_sizes, {2});
    check<float>(Masked{ReusePool{}, Bernoulli{.keep = 0.5}}, make_displace, few_sizes, {1, 3});
    const std::vector<double> shares{0.25, 0.75};
    check<float>(Masked{MixedPool{}, Bernoulli{.keep_of_block = shares}}, make_displace, few_sizes, {2});
    for (const int count : {1, 2}) {
        CHECK(displaced<float>(LaunchedOnHost<float>{}, Masked{LowRank<2>{}, Bernoulli{}}, count) ==
              displaced<float>(ReferenceOf<float>{}, Masked{LowRank<2>{}, Bernoulli{}}, count));
    }
}

TEST_CASE("A device's threads read bits to the reference's bits") {
    const auto run_masked = [](const auto& backend, int count) {
        Model<bfloat16> model{shapes};
        BitMasks masks{model.parameters};
        const Masked direction{Rademacher{}, chosen(masks, model.parameters.blocks()).mask()};
        traverse(backend, model.parameters.blocks(), direction, spread_keys(count), some_rows(count, 1), Displace{});
        return model.bytes();
    };
    for (const int count : {1, 3}) {
        CHECK(run_masked(LaunchedOnHost<bfloat16>{}, count) == run_masked(ReferenceOf<bfloat16>{}, count));
    }
}

TEST_CASE("Bits in a device's memory are refused where the blocks lie elsewhere") {
    std::vector<float> w(40);
    Parameters on_host;
    on_host.add("w", std::span{w});
    Parameters on_device;
    on_device.add("w", std::span{w}, {}, {.space = MemorySpace::device});
    const BitMasks masks{on_host};
    BitMask mask = masks.mask();
    mask.space = MemorySpace::device;
    CHECK_NOTHROW(mask.validate_for(on_device.blocks()));
    CHECK_THROWS_AS(mask.validate_for(on_host.blocks()), std::invalid_argument);
    CHECK_THROWS_AS(mask(Key{}, on_device.blocks()[0].identity, 0), std::logic_error);
}

TEST_CASE("A device forms the factors of low rank for itself") {
    for (const int count : {0, 1, 3}) {
        INFO("moves " << count);
        const auto expected = displaced<float>(ReferenceOf<float>{}, LowRank<2>{}, count);
        CHECK(displaced<float>(LaunchedOnHost<float>{}, LowRank<2>{}, count) == expected);
    }
    CHECK(displaced<bfloat16>(LaunchedOnHost<bfloat16>{}, LowRank<5>{.refresh_every = 60}, 2) ==
          displaced<bfloat16>(ReferenceOf<bfloat16>{}, LowRank<5>{.refresh_every = 60}, 2));
    check<float>(LowRank<2>{}, make_displace, few_sizes, {1});
    // More blocks than a task or a launch holds.
    check_steps<float>(std::vector<Shape>(700, Shape{5, 7}), LowRank<1>{.refresh_every = 2});
}

TEST_CASE("A device sums the norms of a sphere for itself") {
    std::vector<Shape> many(700, Shape{3, 1});
    many[2] = {0, 1};
    many[270] = {20001, 1};
    check_steps<float>(many, Sphere{});
    check_steps<bfloat16>(shapes, Sphere{});
}

TEST_CASE("A device's threads move a coordinate") {
    const Model<float> model{shapes};
    for (const CoordinateOrder order : {CoordinateOrder::cyclic, CoordinateOrder::random}) {
        const Coordinate direction{model.parameters, order};
        CHECK(displaced<float>(LaunchedOnHost<float>{}, direction, 3) == displaced<float>(ReferenceOf<float>{}, direction, 3));
    }
}

TEST_CASE("Steps on a device are the reference's with tables and scales") {
    check_steps<float>(shapes, ReusePool{.refresh_every = 2});
    const Model<float> model{shapes};
    std::vector<double> scales;
    for (std::size_t b = 0; b < shapes.size(); ++b) {
        scales.push_back(0.5 + static_cast<double>(b) / 8);
    }
    check_steps<float>(shapes, Scaled{Masked{ReusePool{}, Bernoulli{}}, model.parameters, std::span<const double>{scales}});
}

TEST_CASE("More moves than a launch can tell a direction of are refused") {
    using Direction = Masked<ReusePool, Bernoulli>;
    const auto most = static_cast<int>(cuda::Launch<Displace, Direction::Ray>::max_keys());
    CHECK(most >= 384);
    CHECK_NOTHROW(run_spread<float>(LaunchedOnHost<float>{}, Direction{}, 1, most, make_displace));
    CHECK_THROWS_AS(run_spread<float>(LaunchedOnHost<float>{}, Direction{}, 1, most + 1, make_displace), std::invalid_argument);
}
