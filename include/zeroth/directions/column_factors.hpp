#pragma once

#include <zeroth/ground/array.hpp>
#include <zeroth/directions/formed_ahead.hpp>
#include <zeroth/directions/gaussian.hpp>

#include <cstddef>
#include <cstdint>

ZEROTH_BEGIN_NAMESPACE

/// The right factors V of a LowRank direction, of all blocks, for the epochs in flight.
///
/// V_k of a block of n columns is n Gaussian numbers of (seed, epoch), and the first of them over again to n + 16, so that a register may
/// begin at any of them.
class ColumnFactors {
  public:
    /// Numbers of V_k, for the first of V_k+1.
    [[nodiscard]] ZEROTH_HOST_DEVICE static constexpr std::uint64_t stride(std::uint64_t columns) noexcept { return columns + tile_lanes; }
    /// V_jk, formed for itself.
    [[nodiscard]] static float at(std::uint64_t seed, std::uint64_t epoch, const BlockIdentity& block, int k,
                                  std::uint64_t column) noexcept {
        return number_at(Gaussian{}, stream(seed, epoch, block), first(k, block.columns) + column);
    }

    /// Memory for V of the blocks with more rows and columns than the rank, for two epochs: those of the keys of a step and the next. More
    /// is taken where keys of more epochs meet in a traversal.
    template <class Blocks>
    void reserve(const Blocks& blocks, int rank) {
        rank_ = rank;
        size_ = 0;
        places_ = Array<Place>(blocks.size());
        for (std::size_t b = 0; b < places_.size(); ++b) {
            places_[b] = {blocks[b].identity, size_};
            if (factored(places_[b].block)) {
                size_ += static_cast<std::size_t>(rank) * static_cast<std::size_t>(stride(places_[b].block.columns));
            }
        }
        epochs_.reserve(2, [this] { return Epoch{{}, Array<float>(size_)}; });
    }
    /// Makes V of an epoch ready, for the traversal that it is formed for and the next.
    void form(std::uint64_t seed, std::uint64_t epoch) {
        const EpochName name{seed, epoch};
        if (size_ == 0 || epochs_.ask(name) != nullptr) { // of no block, or not reserved: the draws form V themselves
            return;
        }
        Epoch& made = epochs_.make_room(name, [this] { return Epoch{{}, Array<float>(size_)}; });
        for (const Place& place : places_) {
            for (int k = 0; factored(place.block) && k < rank_; ++k) {
                float* const numbers = made.numbers.data() + place.begin + static_cast<std::size_t>(k) * stride(place.block.columns);
                const Stream of = stream(seed, epoch, place.block);
                for (std::uint64_t t = 0; t * tile < place.block.columns; ++t) {
                    for (std::uint64_t lane = 0; lane < tile_lanes; ++lane) {
                        fill(numbers, place.block.columns, of, k, t, lane);
                    }
                }
            }
        }
    }
    /// V_1 of a block; null where it is not ready.
    [[nodiscard]] const float* find(std::uint64_t seed, std::uint64_t epoch, std::size_t block_index,
                                    const BlockIdentity& block) const noexcept {
        if (block_index >= places_.size() || !(places_[block_index].block == block)) {
            return nullptr;
        }
        const Epoch* const formed = epochs_.find(EpochName{seed, epoch});
        return formed != nullptr ? formed->numbers.data() + places_[block_index].begin : nullptr;
    }
    /// Tells of a draw by at().
    void drawn() const noexcept { epochs_.drawn(); }
    [[nodiscard]] std::size_t bytes() const noexcept { return epochs_.size() * size_ * sizeof(float); }

    static constexpr std::uint64_t tile = tile_size<Gaussian>;

    [[nodiscard]] ZEROTH_HOST_DEVICE static Stream stream(std::uint64_t seed, std::uint64_t epoch, const BlockIdentity& block) noexcept {
        const Key key{seed, epoch, 0};
        return {.key = key, .block = block, .philox = philox_key(key, Purpose::factor)};
    }
    /// Those numbers of V_k, of a block of so many columns, that one counter gives: of a lane in a tile, lane + 16 and so on of them.
    ZEROTH_HOST_DEVICE static void fill(float* numbers, std::uint64_t columns, const Stream& of, int k, std::uint64_t at_tile,
                                        std::uint64_t lane) noexcept {
        using Draw = Gaussian::Draw<ScalarLanes>;
        std::uint64_t j = at_tile * tile + lane;
        if (j >= columns) {
            return;
        }
        const Stream* const streams[1] = {&of};
        const std::uint64_t counters[1] = {(first(k, columns) / tile + at_tile) * tile_lanes + lane};
        Draw draw[1];
        Draw::draw<1>(Gaussian{}, streams, counters, draw);
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

  private:
    struct Place {
        BlockIdentity block;
        std::size_t begin = 0;
    };
    struct EpochName {
        std::uint64_t seed = 0;
        std::uint64_t epoch = 0;

        friend constexpr bool operator==(const EpochName&, const EpochName&) = default;
    };
    struct Epoch {
        EpochName name;
        Array<float> numbers;
    };

    [[nodiscard]] bool factored(const BlockIdentity& block) const noexcept {
        const auto rank = static_cast<std::uint64_t>(rank_);
        return block.rows > rank && block.columns > rank;
    }
    /// Each V_k begins a Gaussian's tile.
    [[nodiscard]] ZEROTH_HOST_DEVICE static std::uint64_t first(int k, std::uint64_t columns) noexcept {
        return static_cast<std::uint64_t>(k) * ((columns + tile - 1) / tile * tile);
    }

    int rank_ = 0;
    Array<Place> places_;
    /// Floats of an epoch.
    std::size_t size_ = 0;
    FormedAhead<Epoch> epochs_;
};

ZEROTH_END_NAMESPACE
