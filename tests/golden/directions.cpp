#include "answers.hpp"
#include "places.hpp"

#include <zeroth/directions/coordinate.hpp>
#include <zeroth/directions/gaussian.hpp>
#include <zeroth/directions/lfsr_bank.hpp>
#include <zeroth/directions/low_rank.hpp>
#include <zeroth/directions/mixed_pool.hpp>
#include <zeroth/directions/preconditioned.hpp>
#include <zeroth/directions/rademacher.hpp>
#include <zeroth/directions/reuse_pool.hpp>
#include <zeroth/directions/scaled.hpp>
#include <zeroth/directions/sphere.hpp>
#include <zeroth/directions/uniform.hpp>

#include <span>
#include <string>
#include <vector>

namespace golden {

namespace {

using namespace zeroth;

/// A table of blocks without memory.
struct Identities {
    std::vector<Block> all;

    explicit Identities(std::initializer_list<BlockIdentity> identities) {
        for (const BlockIdentity& identity : identities) {
            Block block;
            block.identity = identity;
            all.push_back(block);
        }
    }
    [[nodiscard]] std::span<const Block> blocks() const noexcept { return all; }
};

template <class D>
void add_ends(Answers& out, const std::string& name, const D& direction, std::span<const BlockIdentity> blocks) {
    for (const Key& key : some_keys) {
        for (const BlockIdentity& block : blocks) {
            const std::uint64_t last = block.size() - 1;
            out.push_back({"ends " + name + " " + words(key) + " " + words(block), bits(direction(key, block, 0)) + " " +
                                                                                      bits(direction(key, block, last * 5 / 7)) + " " +
                                                                                      bits(direction(key, block, last))});
        }
    }
}

template <class D>
void add_places(Answers& out, const std::string& name, const D& direction, const BlockIdentity& block, std::span<const std::uint64_t> elements) {
    for (const std::uint64_t element : elements) {
        out.push_back({"at " + name + " " + words(a_key) + " " + words(block) + " " + hex(element, 16), bits(direction(a_key, block, element))});
    }
}

/// First, middle and last lanes of tiles of 128, 1,024 and 2,048, and where an element's number fills a word.
template <class D>
void add(Answers& out, const std::string& name, const D& direction) {
    constexpr std::uint64_t two_32 = std::uint64_t{1} << 32, two_40 = std::uint64_t{1} << 40;
    const std::uint64_t elements[] = {0,          1,      15,          16,      63,          64,      127,        128,
                                      1023,       1024,   1087,        2047,    2048,        two_32 - 1, two_32,  2 * two_32 + 5,
                                      two_40,     two_40 + 2047, 2 * two_40 - 1};
    add_places(out, name, direction, a_huge_block, elements);
    const BlockIdentity blocks[] = {a_vector, a_matrix, a_small_block, a_huge_block};
    add_ends(out, name, direction, blocks);
}

/// For directions that form a whole block for each number.
template <class D>
void add_small(Answers& out, const std::string& name, const D& direction) {
    const std::uint64_t elements[] = {0, 1, 15, 16, 63, 64, 127, 128, 1023, 1024, 1087, 2047, 2048};
    add_places(out, name, direction, a_matrix, elements);
    const BlockIdentity blocks[] = {a_vector, a_matrix, a_small_block};
    add_ends(out, name, direction, blocks);
}

} // namespace

Answers directions() {
    Answers out;
    add(out, "gaussian", Gaussian{});
    add(out, "rademacher", Rademacher{});
    add(out, "uniform", Uniform{});
    add_small(out, "sphere", Sphere{});
    add(out, "reuse_pool", ReusePool{});
    add(out, "reuse_pool/power_of_two", ReusePool{.power_of_two = true});
    add(out, "reuse_pool/refresh_every_3", ReusePool{.refresh_every = 3});
    add(out, "reuse_pool/small", ReusePool{.index_bits = 5, .entry_bits = 3});
    add(out, "reuse_pool/running_index", ReusePool{.running_index = true});
    add(out, "lfsr_bank", LfsrBank{});
    add(out, "lfsr_bank/power_of_two", LfsrBank{.power_of_two = true});
    add(out, "lfsr_bank/refresh_every_3", LfsrBank{.refresh_every = 3});
    add(out, "lfsr_bank/small", LfsrBank{.registers = 3, .register_bits = 5});
    add(out, "lfsr_bank/running_index", LfsrBank{.running_index = true});
    add(out, "mixed_pool", MixedPool{});
    add(out, "low_rank_1", LowRank<1>{});
    add(out, "low_rank_2", LowRank<2>{});
    add(out, "low_rank_2/refresh_every_1", LowRank<2>{.refresh_every = 1});
    add(out, "low_rank_4", LowRank<4>{});
    const double scales[] = {0.3, 1.7};
    const Identities scaled{a_vector, a_matrix};
    add(out, "scaled_gaussian", Scaled{Gaussian{}, scaled, std::span<const double>{scales}});
    add(out, "scaled_rademacher", Scaled{Rademacher{}, scaled, std::span<const double>{scales}});
    add(out, "preconditioned", Preconditioned<>{});
    const Identities numbered{a_small_block, a_vector, a_huge_block, a_matrix};
    const Identities few{a_small_block, a_vector};
    for (const CoordinateOrder order : {CoordinateOrder::cyclic, CoordinateOrder::random}) {
        const std::string name = order == CoordinateOrder::cyclic ? "coordinate_cyclic" : "coordinate_random";
        for (const Key& key : some_keys) {
            out.push_back({"chosen " + name + "/huge " + words(key), hex(Coordinate{numbered, order}.chosen(key), 16)});
            out.push_back({"chosen " + name + "/few " + words(key), hex(Coordinate{few, order}.chosen(key), 16)});
        }
        const BlockIdentity blocks[] = {a_small_block};
        add_ends(out, name, Coordinate{Identities{a_small_block}, order}, blocks);
    }
    return out;
}

} // namespace golden
