#pragma once

#include <zeroth/any/any_direction.hpp>
#include <zeroth/any/any_ray.hpp>
#include <zeroth/any/sources/inner.hpp>
#include <zeroth/backends/kernel_registers.hpp>
#include <zeroth/directions/gaussian.hpp>
#include <zeroth/directions/low_rank.hpp>
#include <zeroth/directions/mixed_pool.hpp>
#include <zeroth/directions/rademacher.hpp>
#include <zeroth/directions/rays_of.hpp>
#include <zeroth/directions/table_rays.hpp>
#include <zeroth/directions/uniform.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>

ZEROTH_BEGIN_NAMESPACE

/// to <- z.
struct WriteNumbers {
    static constexpr int coefficients = 1;
    static constexpr int sums = 1;
    static constexpr bool writes = true;
    static constexpr bool is_cached = true;

    ForChunk chunk;
    /// Element that it begins with.
    std::uint64_t first;

    template <class Lanes, class Storage>
    struct Bound {
        using Real = typename Lanes::template Real<ComputeType<Storage>>;

        const std::byte* weights;
        std::uint64_t bytes_of_weight;

        Bound(const WriteNumbers& operation, const BlockView&, std::size_t) noexcept
            : weights{operation.chunk.weights - operation.first * operation.chunk.bytes_of_weight}, bytes_of_weight{operation.chunk.bytes_of_weight} {}

        template <bool First>
        ZEROTH_INLINE void accumulate(Real (&sum)[1], const Real& z, const Real (&)[1]) const noexcept {
            sum[0] = z;
        }
        template <class Count>
        ZEROTH_INLINE Real apply(const Real&, const Real (&sum)[1], std::uint64_t element, Count) const noexcept {
            if (element % tile_lanes == 0) { // a line of floats
                __builtin_prefetch(weights + element * bytes_of_weight, 1);
            }
            return sum[0];
        }
        void finish() const noexcept {}
    };
};

template <Ray R>
struct TypedRay {
    const R& of;

    [[nodiscard]] R ray(std::size_t, std::size_t) const noexcept { return of; }
    [[nodiscard]] const double* scales(std::size_t) const noexcept { return nullptr; }

    static void fill(const AnyRay& any, std::uint64_t first, std::uint64_t count, const ForChunk& to) noexcept {
        const TypedRay typed{any.as<R>()};
        const double one = 1;
        const Block target{{}, to.z - first, ScalarType::float32, {0, first + count, 1}};
        KernelRegisters<InnerBackend::Lanes, float, R, WriteNumbers>::template run<1>(target, 0, first, first + count, {{typed, 1}, &one, 1},
                                                                                       WriteNumbers{to, first});
    }
    static bool is_zero(const AnyRay& any, std::uint64_t first, std::uint64_t count) noexcept {
        if constexpr (SparseRay<R>) {
            return any.as<R>().is_zero(first, count);
        } else {
            return false;
        }
    }
    static constexpr FusedRay fused = std::same_as<R, Rademacher::Ray>  ? FusedRay::signs
                                      : std::same_as<R, TableRay>       ? FusedRay::table
                                      : std::same_as<R, MixedPool::Ray> ? FusedRay::mixed_pool
                                      : std::same_as<R, Uniform::Ray>   ? FusedRay::uniform
                                      : std::same_as<R, LowRank<2>::Ray> ? FusedRay::low_rank
                                      : std::same_as<R, Gaussian::Ray> ? FusedRay::gaussian
                                                                        : FusedRay::none;
    static constexpr RayType type{fill, SparseRay<R> ? is_zero : nullptr, tile_size<R>, stretch_size<R>, fused};
};

/// The rays of a direction D.
template <Direction D>
class TypedRays final : public RaysModel {
  public:
    TypedRays(const D& direction, std::span<const Block> blocks, std::size_t max_keys, const AnyBackend& backend)
        : rays_{direction, blocks, max_keys, inner(backend)} {}

    void prepare(std::span<const Key> keys, std::span<const Block> blocks, const AnyBackend& backend) override {
        rays_.prepare(keys, blocks, inner(backend));
    }
    [[nodiscard]] AnyRay ray(std::size_t k, std::size_t b) const noexcept override {
        const auto ray = rays_.ray(k, b);
        return AnyRay::of(ray, TypedRay<std::remove_const_t<decltype(ray)>>::type);
    }
    [[nodiscard]] const double* scales(std::size_t k) const noexcept override { return rays_.scales(k); }
    [[nodiscard]] double block_scale(std::size_t b) const noexcept override { return rays_.block_scale(b); }
    [[nodiscard]] double largest_in(std::size_t b) const noexcept override { return rays_.largest_in(b); }
    [[nodiscard]] double largest(std::size_t k) const noexcept override { return rays_.largest(k); }
    [[nodiscard]] std::size_t bytes() const noexcept override { return rays_.bytes(); }

  private:
    RaysOf<D, InnerBackend> rays_;
};

template <Direction D>
class TypedDirection final : public DirectionModel {
  public:
    explicit TypedDirection(D direction) : direction_{std::move(direction)} {}

    [[nodiscard]] double largest() const noexcept override { return static_cast<double>(direction_.largest); }
    [[nodiscard]] bool has_unit_second_moment() const noexcept override { return unit_second_moment_of<D>; }
    void validate(std::span<const Block> blocks) const override { validate_direction(direction_, blocks); }
    [[nodiscard]] float number(const Key& key, const BlockIdentity& block, std::uint64_t element) const override {
        return direction_(key, block, element);
    }
    [[nodiscard]] std::unique_ptr<RaysModel> rays(std::span<const Block> blocks, std::size_t max_keys, const AnyBackend& backend) const override {
        return std::make_unique<TypedRays<D>>(direction_, blocks, max_keys, backend);
    }

  private:
    D direction_;
};

/// A direction of any type as AnyDirection; also one of the user's own.
template <Direction D>
[[nodiscard]] AnyDirection any_direction(D direction) {
    return AnyDirection{std::make_shared<TypedDirection<D>>(std::move(direction))};
}

ZEROTH_END_NAMESPACE
