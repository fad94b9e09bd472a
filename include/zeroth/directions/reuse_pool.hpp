#pragma once

#include <zeroth/directions/table_rays.hpp>
#include <zeroth/ground/setting.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>

ZEROTH_BEGIN_NAMESPACE

/// A pool of few numbers, read over and over from a place that moves on with each key: PeZO's pre-generation.
///
///   z_i = scale p[(s + i) mod P],  P = 2^index_bits - 1,  s = s0 + index shift mod P,  scale = sqrt(d - 1/2) / |x|
///
/// p: P odd whole numbers 2 v - (2^b - 1), v uniform of b = entry_bits random bits: of mean 0 exactly over all pools, though not in each.
/// x: the block's d numbers before scaling, whose squares are summed exactly: the norm is a Gaussian's, sqrt(d - 1/2) to float rounding.
/// s0: of the block and the seed; shift: d, bumped until coprime with P; index: the step, and a golden section of P for each further query:
/// so a step's queries (fewer than P) all differ. Pool and s0 are drawn anew every refresh_every steps; until then they recur after P.
/// E z_i^2 = 1 - 1/(2d). Over pools E z_i z_j = 0 but for what repeats: elements i and i + P of a block are equal, as are two blocks' whose
/// starts lie so far apart. So one pool's updates all lie in a subspace of P dimensions: refresh it, or take MixedPool.
/// With power_of_two the scale is the nearest by ratio: the norm is off by at most sqrt 2 either way, and 2/sqrt 3 = 1.155 times it for
/// blocks as long as the pool (divide epsilon by that and the learning rate by its square to undo it).
/// Cost: a load and a multiplication a register; 40 us to form a pool. Memory: 53 KB a pool (12 P + 4,096 bytes, and 4 a block): one, or
/// two where it is drawn anew, and another whenever a traversal first has keys of more epochs. Keys are formed before they are drawn
/// (Cursor does).
/// Throws std::invalid_argument if index_bits is not 4 to 16 or entry_bits not 2 to 16.
/// Source: PeZO, arXiv 2504.20314; ours are the start of each block and of each query, and the defaults.
struct ReusePool {
    static constexpr std::string_view name = "pool";
    /// 8 sqrt 2.
    static constexpr float largest = 11.314f;
    static constexpr bool needs_all_blocks = true;

    using Ray = TableRay;
    template <class B>
    using Rays = TableRays<ReusePool>;

    /// n: the pool has 2^n - 1 numbers.
    int index_bits = 12;
    /// b: random bits of a number.
    int entry_bits = 14;
    /// Steps after which the pool is drawn anew; 0: never.
    std::uint64_t refresh_every = 0;
    /// Rounds the scale to a power of two.
    bool power_of_two = false;
    /// The paper's index over all trained weights, in the order of the blocks from a start of the first one's, and one scale for all: z
    /// then depends on what else is trained. A block that is drawn by itself is taken for the only one.
    bool running_index = false;

    void validate() const {
        require_setting(index_bits >= 4 && index_bits <= 16, "index_bits", index_bits, "from 4 to 16");
        require_setting(entry_bits >= 2 && entry_bits <= 16, "entry_bits", entry_bits, "from 2 to 16");
    }

    [[nodiscard]] TableLayout layout() const noexcept {
        return {(1u << index_bits) - 1, 1, (1u << entry_bits) - 1, running_index, power_of_two, refresh_every};
    }
    /// Makes the pool for each number, of a block that is the only one: for tests.
    float operator()(const Key& key, const BlockIdentity& block, std::uint64_t element) const {
        return table_number(*this, key, block, element);
    }

    /// Number i of the pool, i / 8 being its words' counter.
    [[nodiscard]] std::int32_t entry(const PhiloxWords& words, std::uint32_t i) const noexcept {
        const std::uint32_t half = words.word[i % 8 / 2] >> (i % 2 * 16) & 0xFFFFu;
        return 2 * static_cast<std::int32_t>(half >> (16 - entry_bits)) - ((1 << entry_bits) - 1);
    }

    /// Makes the pool of that name.
    void fill(const TableName& table, float* numbers) const noexcept {
        const PhiloxKey philox = table.philox();
        const auto size = static_cast<std::uint32_t>(layout().size());
        PhiloxWords words{};
        for (std::uint32_t i = 0; i < size; ++i) {
            if (i % 8 == 0) {
                words = philox4x32(counter_words(i / 8, 0), philox);
            }
            numbers[i] = static_cast<float>(entry(words, i));
        }
    }
};

ZEROTH_END_NAMESPACE
