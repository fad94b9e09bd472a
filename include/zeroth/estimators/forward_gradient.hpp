#pragma once

#include <zeroth/backends/visit.hpp>
#include <zeroth/directions/gaussian.hpp>
#include <zeroth/estimators/estimate.hpp>
#include <zeroth/estimators/estimator.hpp>
#include <zeroth/ground/setting.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <type_traits>

ZEROTH_BEGIN_NAMESPACE

/// The direction that a DirectionalFn is to differentiate along: formed block by block where it is asked for, never stored.
class Tangent {
  public:
    template <class D, class Lanes>
    static Tangent of(const D& direction, const Key& key, std::span<const Block> blocks, std::type_identity<Lanes>) noexcept {
        Tangent result;
        result.direction_ = &direction;
        result.key_ = key;
        result.blocks_ = blocks;
        result.fill_ = [](const void* along, const Key& of, const Block& block, std::size_t index, std::span<float> z) {
            for (float& number : z) {
                number = 0;
            }
            const Block target{{}, z.data(), ScalarType::float32, block.identity};
            const D& direction_of = *static_cast<const D*>(along);
            Move<1> move{of, {1.0}};
            if constexpr (BlockScaledDirection<D>) {
                move.coefficient[0] = direction_of.scale_of(block.identity);
            }
            visit_range<Lanes, ScalarTypes<float>>(target, index, 0, block.size(), raw_direction(direction_of), std::span<const Move<1>>{&move, 1},
                                                   Displace{});
        };
        return result;
    }

    [[nodiscard]] std::span<const Block> blocks() const noexcept { return blocks_; }
    /// z over a whole block: z.size() must be the block's. Allocates nothing.
    void fill(std::size_t block, std::span<float> z) const {
        require_setting(z.size() == blocks_[block].size(), "z.size()", static_cast<double>(z.size()), "the block's");
        fill_(direction_, key_, blocks_[block], block, z);
    }

  private:
    const void* direction_ = nullptr;
    Key key_;
    std::span<const Block> blocks_;
    void (*fill_)(const void*, const Key&, const Block&, std::size_t, std::span<float>) = nullptr;
};

/// What a DirectionalFn returns: the loss, and its derivative along the tangent.
struct DirectionalLoss {
    double loss = 0;
    double derivative = 0;
};

/// A callable that returns the loss of the weights as they stand in memory and its derivative along a tangent, by forward-mode
/// differentiation (see Dual): `DirectionalLoss loss = directional(tangent)`.
template <class F>
concept DirectionalFn = requires(F& directional, const Tangent& tangent) {
    { directional(tangent) } -> std::convertible_to<DirectionalLoss>;
};

/// Forward gradient: the exact derivative along random directions.
///
///   g = (1/q) sum_j <grad L(theta), z_j> z_j
///
/// Unbiased, with no smoothing to choose. Its step takes a DirectionalFn.
/// Forward passes: q forward-mode evaluations a step, each about two forward passes' work. Traversals: 1, the update's. State: 0 bytes.
/// Throws std::invalid_argument if queries is 0 or clip is not positive.
/// Source: Baydin et al., arXiv 2202.08587; Forward-Grad of Zhang et al., arXiv 2402.11592.
template <Direction D = Gaussian>
    requires(!NormalisedDirection<D>)
struct ForwardGradient {
    D direction{};
    /// Directions averaged in a step.
    std::uint32_t queries = 1;
    /// Largest magnitude of a derivative along a direction.
    double clip = std::numeric_limits<double>::infinity();

    /// Its step takes a DirectionalFn in place of a ForwardFn.
    template <class F>
    static constexpr bool accepts = DirectionalFn<F>;

    void validate() const {
        require_setting(queries > 0, "queries", queries, "at least 1");
        require_setting(clip > 0, "clip", clip, "positive");
    }
    [[nodiscard]] std::size_t max_terms() const noexcept { return queries; }
    [[nodiscard]] std::size_t forward_passes() const noexcept { return queries; }
    [[nodiscard]] double reach() const noexcept { return 0; }

    template <class Cursor, DirectionalFn F>
    void operator()(Cursor& cursor, F& directional, Key key, Estimate& estimate) const {
        cursor.stand_at_base();
        double total = 0;
        for (key.query = 0; estimate.finite && key.query < queries; ++key.query) {
            DirectionalLoss result;
            const auto forward = [&] {
                result = directional(Tangent::of(cursor.direction_for(key), key, cursor.parameters().blocks(), lanes_of(cursor.backend())));
                return result.loss;
            };
            total += estimate.evaluate(forward);
            estimate.add(key, result.derivative, queries, clip);
        }
        estimate.loss = total / queries;
    }

  private:
    template <class B>
    static auto lanes_of(const B&) noexcept {
        if constexpr (requires { typename B::Lanes; }) {
            return std::type_identity<typename B::Lanes>{};
        } else {
            return std::type_identity<ScalarLanes>{};
        }
    }
};

ZEROTH_END_NAMESPACE
