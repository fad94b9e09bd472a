#pragma once

#include <zeroth/ground/array.hpp>
#include <zeroth/directions/direction.hpp>
#include <zeroth/directions/rademacher.hpp>
#include <zeroth/ground/setting.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <utility>

ZEROTH_BEGIN_NAMESPACE

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
template <Direction D = Rademacher>
    requires(!NormalisedDirection<D> && !BlockScaledDirection<D>)
class Scaled {
  public:
    static constexpr float largest = D::largest;

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
    [[nodiscard]] D& raw() noexcept { return raw_; }
    [[nodiscard]] const D& raw() const noexcept { return raw_; }

    void validate() const {
        if constexpr (ConfiguredDirection<D>) {
            raw_.validate();
        }
    }
    /// Throws std::invalid_argument unless there is a scale for each of these blocks.
    template <class Blocks>
    void validate_for(const Blocks& trained) const {
        for (std::size_t b = 0; b < trained.size(); ++b) {
            if (find(trained[b].identity) == blocks_.size()) {
                throw std::invalid_argument{"zeroth: there is no scale for block '" + trained[b].name + "'"};
            }
        }
        if constexpr (DirectionOfBlocks<D, Blocks>) {
            raw_.validate_for(trained);
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

ZEROTH_END_NAMESPACE
