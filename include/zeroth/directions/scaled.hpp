#pragma once

#include <zeroth/directions/direction.hpp>
#include <zeroth/directions/rademacher.hpp>
#include <zeroth/directions/rays_of.hpp>
#include <zeroth/ground/array.hpp>
#include <zeroth/ground/setting.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string_view>
#include <utility>

ZEROTH_BEGIN_NAMESPACE

template <class D, class B>
class ScaledRays;

/// A direction with a factor for each block: z = s_b z_raw in block b.
///
/// Perturbation and update share it, so the estimate is the gradient times s_b^2 in block b (E z z' is the diagonal of s_b^2): a learning
/// rate for each block, and a distance of the probes. 0 leaves a block as it is.
/// The factors go into the coefficients of traversals, which are no dearer for it and compile no other loops; c (s_b z) is (c s_b) z there,
/// to rounding. `largest` is that of s_b = 1: the cursor's reach in block b is s_b times it.
/// The blocks that are trained may be some of those it was made for, in any order. Not over Sphere, whose factor is a key's, and not under
/// Masked: scale what is masked. Memory: 32 bytes a block.
/// Throws std::invalid_argument unless there is a scale for each block, zero or positive, and finite.
/// Source: ours; a layer's learning rate in proportion to its weights' norm is of You et al., arXiv 1708.03888.
template <class D = Rademacher>
class Scaled {
  public:
    static constexpr std::string_view name = "scaled";
    static_assert(Direction<D>, "zeroth: what is scaled must be a Direction: z(key, block, element) and largest");
    static_assert(!has_scales_of<D>, "zeroth: a direction with a factor for each block (Sphere, Scaled) cannot be scaled again");

    static constexpr float largest = D::largest;
    static constexpr bool has_scales = true;
    static constexpr bool unit_second_moment = unit_second_moment_of<D>;
    static constexpr bool needs_all_blocks = needs_all_blocks_of<D>;

    template <class B>
    using Rays = ScaledRays<D, B>;

    /// scales: one for each block of the parameters, in their order; copied.
    template <class Blocks>
    Scaled(D direction, const Blocks& parameters, std::span<const double> scales)
        : raw_{std::move(direction)}, blocks_(parameters.blocks().size()), scales_(parameters.blocks().size()) {
        require_setting(scales.size() == blocks_.size(), "scales.size()", static_cast<double>(scales.size()), "the number of blocks");
        for (std::size_t b = 0; b < blocks_.size(); ++b) {
            require_setting(scales[b] >= 0 && scales[b] < 0x1p128, "scales", scales[b], "zero or positive, and finite");
            blocks_[b] = parameters.blocks()[b].identity;
            scales_[b] = scales[b];
        }
    }

    /// s_b; 1 for blocks that it was not made for.
    [[nodiscard]] double scale_of(const BlockIdentity& block) const noexcept {
        const std::size_t b = find(block);
        return b < blocks_.size() ? scales_[b] : 1.0;
    }
    /// z_raw.
    [[nodiscard]] const D& raw() const noexcept { return raw_; }

    /// Throws std::invalid_argument unless there is a scale for each of these blocks.
    void validate_for(std::span<const Block> trained) const {
        for (std::size_t b = 0; b < trained.size(); ++b) {
            if (find(trained[b].identity) == blocks_.size()) {
                throw std::invalid_argument{"zeroth: there is no scale for block '" + trained[b].name + "'"};
            }
        }
    }

    float operator()(const Key& key, const BlockIdentity& block, std::uint64_t element) const noexcept {
        return ScalarLanes::product(static_cast<float>(scale_of(block)), raw_(key, block, element));
    }

  private:
    [[nodiscard]] std::size_t find(const BlockIdentity& block) const noexcept {
        std::size_t b = 0;
        while (b < blocks_.size() && !(blocks_[b] == block)) {
            ++b;
        }
        return b;
    }

    D raw_;
    Array<BlockIdentity> blocks_;
    Array<double> scales_;
};

/// The raw direction's rays, and the factors.
template <class D, class B>
class ScaledRays : public RaysBase<Scaled<D>> {
  public:
    ScaledRays(const Scaled<D>& direction, std::span<const Block> blocks, std::size_t max_keys, const B& backend)
        : RaysBase<Scaled<D>>{direction, blocks}, raw_{direction.raw(), blocks, max_keys, backend}, scales_(blocks.size()) {
        for (std::size_t b = 0; b < blocks.size(); ++b) {
            scales_[b] = direction.scale_of(blocks[b].identity);
        }
    }

    void prepare(std::span<const Key> keys, std::span<const Block> blocks, const B& backend) { raw_.prepare(keys, blocks, backend); }
    [[nodiscard]] auto ray(std::size_t k, std::size_t b) const noexcept { return raw_.ray(k, b); }
    [[nodiscard]] const double* scales(std::size_t) const noexcept { return scales_.data(); }
    [[nodiscard]] double block_scale(std::size_t b) const noexcept { return scales_[b]; }
    [[nodiscard]] double largest_in(std::size_t b) const noexcept { return raw_.largest_in(b) * scales_[b]; }
    [[nodiscard]] double largest(std::size_t k) const noexcept { return raw_.largest(k); }
    [[nodiscard]] std::size_t bytes() const noexcept { return raw_.bytes(); }

  private:
    RaysOf<D, B> raw_;
    Array<double> scales_;
};

ZEROTH_END_NAMESPACE
