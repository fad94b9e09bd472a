#pragma once

#include <zeroth/directions/gaussian.hpp>

#include <cstddef>
#include <cstdint>

ZEROTH_BEGIN_NAMESPACE

/// The right factors V of a LowRank direction.
///
/// V_k of a block of n columns is n Gaussian numbers of (seed, epoch), and the first of them over again to n + 16, so that a register may
/// begin at any of them.
class ColumnFactors {
  public:
    /// Numbers of V_k, for the first of V_k+1.
    [[nodiscard]] ZEROTH_HOST_DEVICE static constexpr std::uint64_t stride(std::uint64_t columns) noexcept { return columns + tile_lanes; }
    /// Whether a block has more rows and columns than the rank, so that it is a product.
    [[nodiscard]] static constexpr bool is_factored(const BlockIdentity& block, int rank) noexcept {
        return block.rows > static_cast<std::uint64_t>(rank) && block.columns > static_cast<std::uint64_t>(rank);
    }
    /// Floats of a block's V, none for one that is no product.
    [[nodiscard]] static constexpr std::size_t numbers_of(const BlockIdentity& block, int rank) noexcept {
        return is_factored(block, rank) ? static_cast<std::size_t>(static_cast<std::uint64_t>(rank) * stride(block.columns)) : 0;
    }
    /// V_jk, formed for itself.
    [[nodiscard]] static float at(std::uint64_t seed, std::uint64_t epoch, const BlockIdentity& block, int k,
                                  std::uint64_t column) noexcept {
        return number_at(bits(seed, epoch, block.hash), first(k, block.columns) + column);
    }

    static constexpr std::uint64_t tile = tile_size<Gaussian::Ray>;

    [[nodiscard]] ZEROTH_HOST_DEVICE static Gaussian::Ray bits(std::uint64_t seed, std::uint64_t epoch, std::uint64_t hash) noexcept {
        return {{philox_key(Key{seed, epoch, 0}, Purpose::factor), hash}};
    }
    /// Those numbers of V_k, of a block of so many columns, that one counter gives: of a lane in a tile, lane + 16 and so on of them.
    ZEROTH_HOST_DEVICE static void fill(float* numbers, std::uint64_t columns, const Gaussian::Ray& of, int k, std::uint64_t at_tile,
                                        std::uint64_t lane) noexcept {
        using Draw = Gaussian::Ray::Draw<ScalarLanes>;
        std::uint64_t j = at_tile * tile + lane;
        if (j >= columns) {
            return;
        }
        const Gaussian::Ray* const rays[1] = {&of};
        const std::uint64_t counters[1] = {(first(k, columns) / tile + at_tile) * tile_lanes + lane};
        Draw draw[1];
        Draw::draw<1>(rays, counters, draw);
        for (int group = 0; group < Gaussian::groups && j < columns; ++group) {
            float z[Gaussian::vectors];
            draw[0].next(z);
            for (int i = 0; i < Gaussian::vectors; ++i, j += tile_lanes) {
                for (std::uint64_t at = j; j < columns && at < stride(columns); at += columns) {
                    numbers[at] = z[i];
                }
            }
        }
    }
    /// All of a block's V, one V_k after the other.
    static void fill(float* numbers, const BlockIdentity& block, int rank, std::uint64_t seed, std::uint64_t epoch) noexcept {
        const Gaussian::Ray of = bits(seed, epoch, block.hash);
        for (int k = 0; k < rank; ++k) {
            for (std::uint64_t t = 0; t * tile < block.columns; ++t) {
                for (std::uint64_t lane = 0; lane < tile_lanes; ++lane) {
                    fill(numbers, block.columns, of, k, t, lane);
                }
            }
            numbers += stride(block.columns);
        }
    }

  private:
    /// Each V_k begins a Gaussian's tile.
    [[nodiscard]] ZEROTH_HOST_DEVICE static std::uint64_t first(int k, std::uint64_t columns) noexcept {
        return static_cast<std::uint64_t>(k) * ((columns + tile - 1) / tile * tile);
    }
};

ZEROTH_END_NAMESPACE
