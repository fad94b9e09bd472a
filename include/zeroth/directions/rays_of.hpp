#pragma once

#include <zeroth/directions/direction.hpp>
#include <zeroth/ground/array.hpp>
#include <zeroth/parameters/block.hpp>
#include <zeroth/random/key.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>

ZEROTH_BEGIN_NAMESPACE

/// Throws std::invalid_argument for a direction's setting out of range, and where the blocks are not those that it was made for.
template <class D>
void validate_direction(const D& direction, [[maybe_unused]] std::span<const Block> blocks) {
    if constexpr (requires { direction.validate(); }) {
        direction.validate();
    }
    if constexpr (requires { direction.validate_for(blocks); }) {
        direction.validate_for(blocks);
    }
}

/// What every direction's rays have, for one that keeps nothing beside them and scales nothing.
template <class D>
class RaysBase {
  public:
    RaysBase(D direction, std::span<const Block> blocks) : direction_{(validate_direction(direction, blocks), std::move(direction))} {}

    /// The one that draws.
    [[nodiscard]] const D& direction() const noexcept { return direction_; }
    /// Of the k-th prepared key, a factor of z for each block, in the host's memory; null: 1.
    [[nodiscard]] const double* scales(std::size_t) const noexcept { return nullptr; }
    /// A block's factor of z whatever the key, which a probe's and an update's size follow.
    [[nodiscard]] double block_scale(std::size_t) const noexcept { return 1; }
    /// Bounds |z| in a block, whatever the key.
    [[nodiscard]] double largest_in(std::size_t) const noexcept { return static_cast<double>(direction_.largest); }
    /// Bounds the k-th key's |z|, where block_scale() is 1.
    [[nodiscard]] double largest(std::size_t) const noexcept { return static_cast<double>(direction_.largest); }
    /// Kept beside the weights.
    [[nodiscard]] std::size_t bytes() const noexcept { return 0; }

  protected:
    D direction_;
};

/// Rays that are Philox bits and no more.
template <class D>
class PhiloxRays : public RaysBase<D> {
  public:
    template <class B>
    PhiloxRays(D direction, std::span<const Block> blocks, std::size_t max_keys, const B&)
        : RaysBase<D>{std::move(direction), blocks}, keys_(max_keys), hashes_(blocks.size()) {
        for (std::size_t b = 0; b < blocks.size(); ++b) {
            hashes_[b] = blocks[b].identity.hash;
        }
    }

    template <class B>
    void prepare(std::span<const Key> keys, std::span<const Block>, const B&) {
        if (keys.size() > keys_.size()) {
            keys_ = Array<PhiloxKey>(keys.size());
        }
        for (std::size_t k = 0; k < keys.size(); ++k) {
            keys_[k] = philox_key(keys[k], Purpose::direction);
        }
    }
    [[nodiscard]] PhiloxBits bits(std::size_t k, std::size_t b) const noexcept { return {keys_[k], hashes_[b]}; }
    [[nodiscard]] typename D::Ray ray(std::size_t k, std::size_t b) const noexcept { return {bits(k, b)}; }

  private:
    Array<PhiloxKey> keys_;
    Array<std::uint64_t> hashes_;
};

/// The ray of a direction that only has z(key, block, element): it is called for each number.
template <class D>
struct ElementwiseRay {
    static constexpr int groups = 1;
    static constexpr int vectors = 1;

    const D* direction;
    Key key;
    BlockIdentity block;

    template <class Lanes>
    struct Draw {
        const ElementwiseRay* ray;
        std::uint64_t first;

        ZEROTH_INLINE void next(typename Lanes::Float (&z)[1]) const noexcept {
            float numbers[Lanes::width];
            const std::uint64_t last = ray->block.size() - 1;
            for (int l = 0; l < Lanes::width; ++l) {
                const std::uint64_t element = first + static_cast<std::uint64_t>(l);
                numbers[l] = (*ray->direction)(ray->key, ray->block, element < last ? element : last);
            }
            z[0] = Lanes::load(numbers);
        }
        template <int N>
        static void draw(const ElementwiseRay* const (&rays)[N], const std::uint64_t (&counters)[N], Draw (&draws)[N]) noexcept {
            for (int n = 0; n < N; ++n) {
                draws[n] = {rays[n], counters[n]};
            }
        }
    };
};

template <class D>
class ElementwiseRays : public RaysBase<D> {
  public:
    template <class B>
    ElementwiseRays(D direction, std::span<const Block> blocks, std::size_t max_keys, const B&)
        : RaysBase<D>{std::move(direction), blocks}, keys_(max_keys), blocks_(blocks.size()) {
        for (std::size_t b = 0; b < blocks.size(); ++b) {
            blocks_[b] = blocks[b].identity;
        }
    }

    template <class B>
    void prepare(std::span<const Key> keys, std::span<const Block>, const B&) {
        if (keys.size() > keys_.size()) {
            keys_ = Array<Key>(keys.size());
        }
        for (std::size_t k = 0; k < keys.size(); ++k) {
            keys_[k] = keys[k];
        }
    }
    [[nodiscard]] ElementwiseRay<D> ray(std::size_t k, std::size_t b) const noexcept { return {&this->direction_, keys_[k], blocks_[b]}; }

  private:
    Array<Key> keys_;
    Array<BlockIdentity> blocks_;
};

template <class D, class B>
constexpr auto rays_of() noexcept {
    if constexpr (requires { typename B::template Rays<D>; }) {
        return std::type_identity<typename B::template Rays<D>>{};
    } else if constexpr (requires { typename D::template Rays<B>; }) {
        return std::type_identity<typename D::template Rays<B>>{};
    } else if constexpr (VectorDirection<D>) {
        return std::type_identity<PhiloxRays<D>>{};
    } else {
        return std::type_identity<ElementwiseRays<D>>{};
    }
}

/// A direction over certain blocks, ready to be drawn by a backend, with whatever memory its rays point to:
///
///     Rays(direction, blocks, max_keys, backend);              // validates; takes the backend's memory, for traversals of so many keys
///     void prepare(std::span<const Key>, blocks, backend);     // once before each traversal; takes memory only where there are more keys
///     R ray(std::size_t k, std::size_t b) const noexcept;      // of the k-th prepared key in block b
///     const double* scales(std::size_t k) const noexcept;      // and what else RaysBase has
///
/// What a traversal's keys were prepared with stays until the next traversal is over, so whatever the weights are displaced by is there for the
/// way back, which takes no memory. The backend's own for this direction, the direction's, or PhiloxRays or ElementwiseRays.
template <class D, class B>
using RaysOf = typename decltype(rays_of<D, B>())::type;

/// Whether a direction's numbers in a block depend on which other blocks there are, or on the block's place among them: it then says
/// `static constexpr bool needs_all_blocks = true`.
template <class D>
inline constexpr bool needs_all_blocks_of = requires { requires D::needs_all_blocks; };

/// The type of such rays.
template <class Rays>
using RayIn = decltype(std::declval<const Rays&>().ray(0, 0));

ZEROTH_END_NAMESPACE
