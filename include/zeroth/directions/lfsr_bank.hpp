#pragma once

#include <zeroth/directions/table_rays.hpp>
#include <zeroth/ground/setting.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

ZEROTH_BEGIN_NAMESPACE

/// A linear-feedback shift register of 4 to 16 bits: bit k - 1 is set for each tap k. Its period is the longest, 2^bits - 1.
constexpr std::uint32_t lfsr_taps(int bits) noexcept {
    constexpr std::uint32_t taps[] = {0xC, 0x14, 0x30, 0x60, 0xB8, 0x110, 0x240, 0x500, 0x829, 0x100D, 0x2015, 0x6000, 0xD008};
    return taps[bits - 4];
}

/// The register's next state: shifted up by one, the parity of its taps coming in. Of the states other than 0 each follows another.
constexpr std::uint32_t lfsr_step(std::uint32_t state, int bits) noexcept {
    const auto parity = static_cast<std::uint32_t>(std::popcount(state & lfsr_taps(bits)) & 1);
    return (state << 1 | parity) & ((1u << bits) - 1);
}

/// A map of a register's states that is linear over GF(2): column k is what the state 1 << k goes to.
struct LfsrMatrix {
    std::uint32_t column[16] = {};

    [[nodiscard]] constexpr std::uint32_t operator()(std::uint32_t state) const noexcept {
        std::uint32_t result = 0;
        for (int k = 0; k < 16; ++k) {
            result ^= (state >> k & 1u) != 0 ? column[k] : 0;
        }
        return result;
    }
    /// The left map after the right one.
    friend constexpr LfsrMatrix operator*(const LfsrMatrix& left, const LfsrMatrix& right) noexcept {
        LfsrMatrix result;
        for (int k = 0; k < 16; ++k) {
            result.column[k] = left(right.column[k]);
        }
        return result;
    }
};

/// The state after so many steps: by a power of the step's matrix.
constexpr std::uint32_t lfsr_skip(std::uint32_t state, std::uint64_t steps, int bits) noexcept {
    LfsrMatrix power;
    for (int k = 0; k < bits; ++k) {
        power.column[k] = lfsr_step(1u << k, bits);
    }
    for (steps %= (1u << bits) - 1; steps != 0; steps /= 2) {
        state = steps % 2 != 0 ? power(state) : state;
        power = power * power;
    }
    return state;
}

/// The numbers that a bank of small shift registers gives, as hardware would form them: PeZO's directions on the fly.
///
///   z_i = scale x_{(i + rot) mod m}(c + floor(i / m)),  rot = index mod m,  c = c0 + index shift,  scale = sqrt(d - 1/2) / |x|
///
/// x_r(t) = v - 2^(b - 1), v the state of register r at time t: of m = registers, each of b = register_bits bits and at a phase of its own,
/// by the seed, of the same cycle of 2^b - 1 states. Over the cycle x has mean 0 exactly and rms sqrt(M (M + 1) / 3), M = 2^(b - 1) - 1.
/// c0: of the block and the seed; shift: ceil(d / m), bumped until coprime with 2^b - 1; index: the step, and a golden section of the table
/// for each further query. The norm is sqrt(d - 1/2), the squares being summed exactly, but 0 where all d numbers are (d = 1: one in 2^b).
/// Phases and c0 are drawn anew every refresh_every steps; until then directions recur after lcm(m, 2^b - 1) steps.
/// Over starts E z is 0 to 0.01 (b = 8), but E z z' is not I: a state holds the one before, shifted, so elements i and i + k m correlate by
/// 2^-k, in the paper as here. The estimate is the gradient times that matrix, whose eigenvalues are 1/3 to 3: still a descent. And one
/// cycle's updates lie in a subspace of m (2^b - 1) dimensions. So it is for machines that have such registers: elsewhere take ReusePool.
/// A machine goes on from its states: the next step's are lfsr_skip of these by shift, read from the next register on.
/// Cost: ReusePool's draw, and for each key a table of m (2^b - 1) numbers formed ahead (10 us). Memory: 38 KB at the defaults (4 m (2^b -
/// 1) + 8 2^b + 4,096 bytes, and 4 a block) for each key of a traversal and the one before, at most m, or 2 m where it is drawn anew; and
/// another whenever a traversal first needs more.
/// Throws std::invalid_argument if register_bits is not 4 to 16, or registers not 1 to 2^b - 1 with m (2^b - 1) <= 2^18.
/// Source: PeZO, arXiv 2504.20314; ours are the phases, the start of each block and of each query, and the defaults.
struct LfsrBank {
    static constexpr std::string_view name = "lfsr";
    /// 8 sqrt 2.
    static constexpr float largest = 11.314f;
    static constexpr bool needs_all_blocks = true;

    using Ray = TableRay;
    template <class B>
    using Rays = TableRays<LfsrBank>;

    /// m
    std::uint32_t registers = 31;
    /// b
    int register_bits = 8;
    /// Steps after which the phases are drawn anew; 0: never.
    std::uint64_t refresh_every = 0;
    /// Rounds the scale to a power of two.
    bool power_of_two = false;
    /// The paper's index over all trained weights, in the order of the blocks from a start of the first one's, and one scale for all: z
    /// then depends on what else is trained. A block that is drawn by itself is taken for the only one.
    bool running_index = false;

    void validate() const {
        require_setting(register_bits >= 4 && register_bits <= 16, "register_bits", register_bits, "from 4 to 16");
        const std::uint32_t period = (1u << register_bits) - 1;
        require_setting(registers >= 1 && registers <= period && registers <= (1u << 18) / period, "registers", registers,
                        "from 1 to the period of one, 2^register_bits - 1, and their product at most 2^18");
    }

    [[nodiscard]] TableLayout layout() const noexcept {
        return {(1u << register_bits) - 1, registers, (1u << (register_bits - 1)) - 1, running_index, power_of_two, refresh_every};
    }
    /// Makes the table for each number, of a block that is the only one: for tests.
    float operator()(const Key& key, const BlockIdentity& block, std::uint64_t element) const {
        return table_number(*this, key, block, element);
    }

    /// Makes the table of that name: row t, column k is the number of register (k + rotation) mod m at time t.
    void fill(const TableName& table, float* numbers) const noexcept {
        const std::uint32_t period = (1u << register_bits) - 1;
        std::uint32_t phase[512];
        draw_phases(table.philox(), period, phase);
        const std::uint32_t first = table.rotation;
        std::uint32_t state = lfsr_skip(1, phase[first], register_bits);
        for (std::uint32_t t = 0; t < period; ++t) {
            numbers[std::size_t{t} * registers] = static_cast<float>(static_cast<int>(state) - (1 << (register_bits - 1)));
            state = lfsr_step(state, register_bits);
        }
        // The others run through the same cycle, so many steps ahead.
        for (std::uint32_t k = 1; k < registers; ++k) {
            std::uint32_t ahead = (phase[(k + first) % registers] + period - phase[first]) % period;
            for (std::uint32_t t = 0; t < period; ++t) {
                numbers[std::size_t{t} * registers + k] = numbers[std::size_t{ahead} * registers];
                ahead = ahead + 1 == period ? 0 : ahead + 1;
            }
        }
    }
  private:
    /// All different: a phase that is taken gives way to the next that is free.
    void draw_phases(const PhiloxKey& philox, std::uint32_t period, std::uint32_t (&phase)[512]) const noexcept {
        PhiloxWords words{};
        for (std::uint32_t r = 0; r < registers; ++r) {
            if (r % 4 == 0) {
                words = philox4x32(counter_words(r / 4, 0), philox);
            }
            phase[r] = words.word[r % 4] % period;
            for (std::uint32_t other = 0; other < r;) {
                const bool taken = phase[other] == phase[r];
                phase[r] = taken ? (phase[r] + 1) % period : phase[r];
                other = taken ? 0 : other + 1;
            }
        }
    }
};

ZEROTH_END_NAMESPACE
