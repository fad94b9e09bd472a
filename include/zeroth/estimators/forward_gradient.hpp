#pragma once

#include <zeroth/backends/kernel.hpp>
#include <zeroth/backends/traversal.hpp>
#include <zeroth/directions/gaussian.hpp>
#include <zeroth/estimators/estimate.hpp>
#include <zeroth/estimators/estimator.hpp>
#include <zeroth/ground/setting.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <new>
#include <span>
#include <string_view>
#include <type_traits>

ZEROTH_BEGIN_NAMESPACE

/// The direction that a DirectionalFn is to differentiate along: formed block by block where it is asked for, never stored.
class Tangent {
  public:
    /// The first of these rays.
    template <class R, class Lanes>
    static Tangent of(const RaysView<R>& rays, std::span<const Block> blocks, std::type_identity<Lanes>) noexcept {
        static_assert(sizeof(RaysView<R>) <= sizeof(Storage));
        Tangent result;
        result.blocks_ = blocks;
        ::new (static_cast<void*>(&result.rays_)) RaysView<R>{rays};
        result.fill_ = [](const Storage& of, std::span<const Block> all, std::size_t index, std::span<float> z) {
            const RaysView<R>& view = *std::launder(reinterpret_cast<const RaysView<R>*>(&of));
            for (float& number : z) {
                number = 0;
            }
            const double one = 1;
            const Moves<R> moves{view, &one, 1};
            const Block target{{}, z.data(), ScalarType::float32, all[index].identity};
            Kernel<Lanes, float, R, Displace>::run(target, index, 0, target.size(), moves, Displace{});
        };
        return result;
    }

    [[nodiscard]] std::span<const Block> blocks() const noexcept { return blocks_; }
    /// z over a whole block: z.size() must be the block's. Allocates nothing.
    void fill(std::size_t block, std::span<float> z) const {
        require_setting(z.size() == blocks_[block].size(), "z.size()", static_cast<double>(z.size()), "the block's");
        fill_(rays_, blocks_, block, z);
    }

  private:
    /// A RaysView of any ray.
    struct Storage {
        alignas(void*) std::byte bytes[4 * sizeof(void*)];
    };

    Storage rays_{};
    std::span<const Block> blocks_;
    void (*fill_)(const Storage&, std::span<const Block>, std::size_t, std::span<float>) = nullptr;
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
template <class D = Gaussian>
struct ForwardGradient {
    static constexpr std::string_view name = "forward-gradient";
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
                result = directional(Tangent::of(cursor.rays_for(key), cursor.parameters().blocks(), lanes_of(cursor.backend())));
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
