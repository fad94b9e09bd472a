#pragma once

#include <zeroth/directions/direction.hpp>
#include <zeroth/directions/rays_of.hpp>
#include <zeroth/ground/array.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

ZEROTH_BEGIN_NAMESPACE

/// Which weight a Coordinate is of.
enum class CoordinateOrder : std::uint8_t {
    cyclic, ///< weight key.step mod d: each in turn
    random, ///< drawn evenly from the whole key, with replacement
};

class CoordinateRays;

/// Unit vectors: 1 for one weight, 0 for all others.
///
/// The weights of all blocks are numbered from 0 to d - 1, in the order of the blocks. So, unlike other directions, this one depends on the
/// table of blocks that it is made for, which are to be all that are trained: to train a part of them, make one for that part. Nor is it of
/// unit second moment (E z z' = I / d): it is for CoordinateWise, which knows.
/// In random order a weight's probability is 1 / d to a relative d / 2^64.
/// Cost: a comparison a register. Memory: 16 bytes a block.
/// Throws std::invalid_argument if the blocks hold no weight.
class Coordinate {
  public:
    static constexpr std::string_view name = "coordinate";
    static constexpr float largest = 1.0f;
    static constexpr bool unit_second_moment = false;
    static constexpr bool needs_all_blocks = true;

    struct Ray {
        static constexpr int groups = 1;
        static constexpr int vectors = 1;
        static constexpr bool is_device_copyable = true;

        /// The chosen one; of another block's weight, an element that no block has.
        std::uint64_t element;

        template <class Lanes>
        struct Draw {
            /// From the register's first element to the chosen one; modulo 2^64, so huge once it is passed.
            std::uint64_t ahead;

            ZEROTH_INLINE void next(typename Lanes::Float (&z)[1]) noexcept {
                z[0] = lanes_of_bits<Lanes>(ahead < 32 ? 1u << ahead : 0u, Lanes::broadcast(1.0f));
            }
            template <int N>
            ZEROTH_INLINE static void draw(const Ray* const (&rays)[N], const std::uint64_t (&counters)[N], Draw (&draws)[N]) noexcept {
                ZEROTH_UNROLL
                for (int n = 0; n < N; ++n) {
                    draws[n].ahead = rays[n]->element - counters[n];
                }
            }
        };
    };
    template <class B>
    using Rays = CoordinateRays;

    /// For the blocks of the parameters.
    template <class Blocks>
        requires requires(const Blocks& parameters) { parameters.blocks()[0].identity.hash; }
    explicit Coordinate(const Blocks& parameters, CoordinateOrder order = CoordinateOrder::cyclic)
        : hashes_(parameters.blocks().size()), begin_(parameters.blocks().size() + 1), order_{order} {
        for (std::size_t b = 0; b < hashes_.size(); ++b) {
            const BlockIdentity& identity = parameters.blocks()[b].identity;
            hashes_[b] = identity.hash;
            begin_[b + 1] = begin_[b] + identity.size();
        }
        if (size() == 0) {
            throw std::invalid_argument{"zeroth: there is no weight to be a coordinate"};
        }
    }

    /// d, the number of weights.
    [[nodiscard]] std::uint64_t size() const noexcept { return begin_[hashes_.size()]; }
    [[nodiscard]] CoordinateOrder order() const noexcept { return order_; }
    /// The number of a key's weight.
    [[nodiscard]] std::uint64_t chosen(const Key& key) const noexcept {
        if (order_ == CoordinateOrder::cyclic) {
            return key.step % size();
        }
        const PhiloxKey bits = philox_key(key, Purpose::direction);
        return high_product(std::uint64_t{bits.high} << 32 | bits.low, size());
    }

    /// The element of block b that is the key's weight; 2^63 where it is another block's.
    [[nodiscard]] std::uint64_t place_in(const Key& key, std::size_t b) const noexcept {
        const std::uint64_t element = chosen(key) - begin_[b];
        return element < begin_[b + 1] - begin_[b] ? element : std::uint64_t{1} << 63;
    }
    float operator()(const Key& key, const BlockIdentity& block, std::uint64_t element) const noexcept {
        const std::size_t index = find(block.hash);
        return index < hashes_.size() && element < block.size() && begin_[index] + element == chosen(key) ? 1.0f : 0.0f;
    }

    /// Throws std::invalid_argument unless these are the blocks that it was made for.
    void validate_for(std::span<const Block> blocks) const {
        bool same = blocks.size() == hashes_.size();
        for (std::size_t b = 0; same && b < hashes_.size(); ++b) {
            same = blocks[b].identity.hash == hashes_[b] && blocks[b].identity.size() == begin_[b + 1] - begin_[b];
        }
        if (!same) {
            throw std::invalid_argument{"zeroth: the direction Coordinate was made for other blocks than those that are trained"};
        }
    }

  private:
    /// floor(a b / 2^64).
    [[nodiscard]] static std::uint64_t high_product(std::uint64_t a, std::uint64_t b) noexcept {
        const std::uint64_t a_low = a & 0xFFFFFFFFu, a_high = a >> 32, b_low = b & 0xFFFFFFFFu, b_high = b >> 32;
        const std::uint64_t middle = a_high * b_low + (a_low * b_low >> 32);
        const std::uint64_t other = a_low * b_high + (middle & 0xFFFFFFFFu);
        return a_high * b_high + (middle >> 32) + (other >> 32);
    }
    [[nodiscard]] std::size_t find(std::uint64_t hash) const noexcept {
        std::size_t b = 0;
        while (b < hashes_.size() && hashes_[b] != hash) {
            ++b;
        }
        return b;
    }

    Array<std::uint64_t> hashes_;
    /// Number of each block's first weight, then d.
    Array<std::uint64_t> begin_;
    CoordinateOrder order_;
};

class CoordinateRays : public RaysBase<Coordinate> {
  public:
    template <class B>
    CoordinateRays(const Coordinate& direction, std::span<const Block> blocks, std::size_t max_keys, const B&)
        : RaysBase<Coordinate>{direction, blocks}, keys_(max_keys) {}

    template <class B>
    void prepare(std::span<const Key> keys, std::span<const Block>, const B&) {
        if (keys.size() > keys_.size()) {
            keys_ = Array<Key>(keys.size());
        }
        for (std::size_t k = 0; k < keys.size(); ++k) {
            keys_[k] = keys[k];
        }
    }
    [[nodiscard]] Coordinate::Ray ray(std::size_t k, std::size_t b) const noexcept { return {direction_.place_in(keys_[k], b)}; }

  private:
    Array<Key> keys_;
};

ZEROTH_END_NAMESPACE
