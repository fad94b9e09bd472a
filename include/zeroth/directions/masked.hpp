#pragma once

#include <zeroth/directions/direction.hpp>
#include <zeroth/directions/gaussian.hpp>
#include <zeroth/directions/masks.hpp>
#include <zeroth/directions/rays_of.hpp>
#include <zeroth/ground/array.hpp>
#include <zeroth/ground/device_copyable.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

ZEROTH_BEGIN_NAMESPACE

/// Which elements of a block a masked direction touches: a pure function of the key's seed and step, the block and the element.
///
///     struct MyMask {
///         struct Ray {                                       // one key's mask in one block: trivially copyable
///             template <class Lanes> typename Lanes::Float read(std::uint64_t element, const typename Lanes::Float& z) const;   // z or 0
///             bool none(std::uint64_t first, std::uint64_t count) const;   // optional: whether none of these is set
///         };
///         Ray ray(const Key&, const BlockIdentity&, std::size_t block_index) const;
///         bool operator()(const Key&, const BlockIdentity&, std::uint64_t element) const;
///         void validate() const;
///         void validate_for(std::span<const Block>) const;   // optional: throws for blocks that it is not for
///     };
template <class M>
concept Mask = std::copy_constructible<M> && requires(const M& mask, const Key& key, const BlockIdentity& block, std::uint64_t element,
                                                      std::size_t index, float z) {
    { mask(key, block, element) } -> std::same_as<bool>;
    { mask.ray(key, block, index).template read<ScalarLanes>(element, z) } -> std::same_as<float>;
    mask.validate();
};

/// A ray that is 0 where its mask is not set.
template <Ray R, class MaskRay>
struct MaskedRay {
    static constexpr bool signs = draws_signs<R>;
    static constexpr bool is_device_copyable = zeroth::is_device_copyable<R> && zeroth::is_device_copyable<MaskRay>;
    static constexpr int groups = R::groups;
    static constexpr int vectors = R::vectors;

    R inner;
    MaskRay mask;

    template <class Lanes>
    struct Draw {
        typename R::template Draw<Lanes> inner;
        const MaskRay* mask;
        std::uint64_t element;

        ZEROTH_INLINE void next(typename Lanes::Float (&z)[vectors]) noexcept {
            inner.next(z);
            ZEROTH_UNROLL
            for (int j = 0; j < vectors; ++j) {
                z[j] = mask->template read<Lanes>(element, z[j]);
                element += static_cast<std::uint64_t>(tile_lanes);
            }
        }
        template <int N>
        ZEROTH_INLINE static void draw(const MaskedRay* const (&rays)[N], const std::uint64_t (&counters)[N], Draw (&draws)[N]) noexcept {
            const R* inner_rays[N];
            ZEROTH_UNROLL
            for (int n = 0; n < N; ++n) {
                inner_rays[n] = &rays[n]->inner;
            }
            typename R::template Draw<Lanes> inner[N];
            R::template Draw<Lanes>::template draw<N>(inner_rays, counters, inner);
            ZEROTH_UNROLL
            for (int n = 0; n < N; ++n) {
                draws[n].inner = inner[n];
                draws[n].mask = &rays[n]->mask;
                draws[n].element = element_of<R>(counters[n], 0);
            }
        }
        ZEROTH_INLINE static void draw_from(const MaskedRay& ray, std::uint64_t counter, unsigned group, Draw& draw) noexcept {
            typename R::template Draw<Lanes> inner[1];
            zeroth::draw_from<Lanes>(ray.inner, counter, group, inner);
            draw.inner = inner[0];
            draw.mask = &ray.mask;
            draw.element = element_of<R>(counter, static_cast<int>(group) * vectors);
        }
    };

    [[nodiscard]] ZEROTH_HOST_DEVICE bool is_zero(std::uint64_t first, std::uint64_t count) const noexcept
        requires requires { mask.none(first, count); }
    {
        return mask.none(first, count);
    }
};

template <class D, class M, class B>
class MaskedRays;

/// A direction that is 0 where a mask is not: perturbation and update share it, so both touch the same weights.
///
/// E z z' is the mask's diagonal: the estimate is the gradient's, restricted to the mask. Weight decay and a rule's own state act on all
/// weights nevertheless. One mask at a time.
/// Cost: the direction's and the mask's. Source: Zhang et al., arXiv 2402.11592, section 4 (gradient sparsity).
template <class D = Gaussian, class M = void>
struct Masked {
    static constexpr std::string_view name = "masked";
    static_assert(VectorDirection<D>, "zeroth: what is masked must be drawn in registers (VectorDirection)");
    static_assert(!has_scales_of<D>, "zeroth: a direction with a factor for each block (Sphere, Scaled) cannot be masked: scale what is masked");
    static_assert(!requires(const D& direction) { direction.mask; }, "zeroth: one mask at a time");
    static_assert(Mask<M>, "zeroth: a mask has ray(), operator() and validate(): see Mask");

    static constexpr float largest = D::largest;
    static constexpr bool unit_second_moment = unit_second_moment_of<D>;
    static constexpr bool needs_all_blocks = true;

    using Ray = MaskedRay<typename D::Ray, typename M::Ray>;
    template <class B>
    using Rays = MaskedRays<D, M, B>;

    D direction{};
    M mask{};

    void validate() const {
        if constexpr (requires { direction.validate(); }) {
            direction.validate();
        }
        mask.validate();
    }
    template <class Blocks>
    void validate_for(const Blocks& blocks) const {
        if constexpr (requires { direction.validate_for(blocks); }) {
            direction.validate_for(blocks);
        }
        if constexpr (requires { mask.validate_for(blocks); }) {
            mask.validate_for(blocks);
        }
    }

    ZEROTH_HOST_DEVICE float operator()(const Key& key, const BlockIdentity& block, std::uint64_t element) const noexcept {
        return mask(key, block, element) ? direction(key, block, element) : 0.0f;
    }
};
template <class D, class M>
Masked(D, M) -> Masked<D, M>;

template <class D, class M, class B>
class MaskedRays : public RaysBase<Masked<D, M>> {
  public:
    MaskedRays(const Masked<D, M>& direction, std::span<const Block> blocks, std::size_t max_keys, const B& backend)
        : RaysBase<Masked<D, M>>{direction, blocks}, inner_{direction.direction, blocks, max_keys, backend}, keys_(max_keys),
          blocks_(blocks.size()) {
        for (std::size_t b = 0; b < blocks.size(); ++b) {
            blocks_[b] = blocks[b].identity;
        }
    }

    void prepare(std::span<const Key> keys, std::span<const Block> blocks, const B& backend) {
        inner_.prepare(keys, blocks, backend);
        if (keys.size() > keys_.size()) {
            keys_ = Array<Key>(keys.size());
        }
        for (std::size_t k = 0; k < keys.size(); ++k) {
            keys_[k] = keys[k];
        }
    }
    [[nodiscard]] typename Masked<D, M>::Ray ray(std::size_t k, std::size_t b) const noexcept {
        return {inner_.ray(k, b), this->direction_.mask.ray(keys_[k], blocks_[b], b)};
    }
    [[nodiscard]] std::size_t bytes() const noexcept { return inner_.bytes(); }

  private:
    RaysOf<D, B> inner_;
    Array<Key> keys_;
    Array<BlockIdentity> blocks_;
};

ZEROTH_END_NAMESPACE
