#pragma once

#include <zeroth/array.hpp>
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
    [[nodiscard]] static constexpr std::uint64_t stride(std::uint64_t columns) noexcept { return columns + tile_lanes; }
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
                fill(numbers, stream(seed, epoch, place.block), k);
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

    static constexpr std::uint64_t tile = tile_size<Gaussian>;

    [[nodiscard]] bool factored(const BlockIdentity& block) const noexcept {
        const auto rank = static_cast<std::uint64_t>(rank_);
        return block.rows > rank && block.columns > rank;
    }
    [[nodiscard]] static Stream stream(std::uint64_t seed, std::uint64_t epoch, const BlockIdentity& block) noexcept {
        const Key key{seed, epoch, 0};
        return {.key = key, .block = block, .philox = philox_key(key, Purpose::factor)};
    }
    /// Each V_k begins a Gaussian's tile.
    [[nodiscard]] static std::uint64_t first(int k, std::uint64_t columns) noexcept {
        return static_cast<std::uint64_t>(k) * ((columns + tile - 1) / tile * tile);
    }
    static void fill(float* numbers, const Stream& of, int k) noexcept {
        using Draw = Gaussian::Draw<ScalarLanes>;
        const std::uint64_t columns = of.block.columns;
        const std::uint64_t counter = first(k, columns) / tile * tile_lanes;
        for (std::uint64_t begin = 0; begin < columns; begin += tile) {
            for (std::uint64_t lane = 0; lane < tile_lanes && begin + lane < columns; ++lane) {
                const Stream* const streams[1] = {&of};
                const std::uint64_t counters[1] = {counter + begin / tile * tile_lanes + lane};
                Draw draw[1];
                Draw::draw<1>(Gaussian{}, streams, counters, draw);
                for (std::uint64_t j = begin + lane; j < begin + tile && j < columns; j += 2 * tile_lanes) {
                    float z[Gaussian::vectors];
                    draw[0].next(z);
                    numbers[j] = z[0];
                    if (j + tile_lanes < columns) {
                        numbers[j + tile_lanes] = z[1];
                    }
                }
            }
        }
        for (std::uint64_t j = columns; j < stride(columns); ++j) {
            numbers[j] = numbers[j - columns];
        }
    }

    int rank_ = 0;
    Array<Place> places_;
    /// Floats of an epoch.
    std::size_t size_ = 0;
    FormedAhead<Epoch> epochs_;
};

ZEROTH_END_NAMESPACE
