#pragma once

#include <zeroth/any/any_backend.hpp>
#include <zeroth/any/any_ray.hpp>
#include <zeroth/parameters/block.hpp>
#include <zeroth/random/key.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

ZEROTH_BEGIN_NAMESPACE

/// The rays of a direction whose type is known at run time alone: see RaysOf.
class RaysModel {
  public:
    RaysModel() = default;
    RaysModel(const RaysModel&) = delete;
    RaysModel& operator=(const RaysModel&) = delete;
    virtual ~RaysModel() = default;

    virtual void prepare(std::span<const Key> keys, std::span<const Block> blocks, const AnyBackend& backend) = 0;
    [[nodiscard]] virtual AnyRay ray(std::size_t k, std::size_t b) const noexcept = 0;
    [[nodiscard]] virtual const double* scales(std::size_t k) const noexcept = 0;
    [[nodiscard]] virtual double block_scale(std::size_t b) const noexcept = 0;
    [[nodiscard]] virtual double largest_in(std::size_t b) const noexcept = 0;
    [[nodiscard]] virtual double largest(std::size_t k) const noexcept = 0;
    [[nodiscard]] virtual std::size_t bytes() const noexcept = 0;
};

/// Such a direction.
class DirectionModel {
  public:
    DirectionModel() = default;
    DirectionModel(const DirectionModel&) = delete;
    DirectionModel& operator=(const DirectionModel&) = delete;
    virtual ~DirectionModel() = default;

    [[nodiscard]] virtual double largest() const noexcept = 0;
    [[nodiscard]] virtual bool has_unit_second_moment() const noexcept = 0;
    virtual void validate(std::span<const Block> blocks) const = 0;
    [[nodiscard]] virtual float number(const Key& key, const BlockIdentity& block, std::uint64_t element) const = 0;
    [[nodiscard]] virtual std::unique_ptr<RaysModel> rays(std::span<const Block> blocks, std::size_t max_keys, const AnyBackend& backend) const = 0;
};

class AnyRays;

/// A direction chosen at run time; copies share it.
class AnyDirection {
  public:
    static constexpr std::string_view name = "any";
    static constexpr bool has_scales = true;
    static constexpr bool needs_all_blocks = true;
    using Ray = AnyRay;
    template <class B>
    using Rays = AnyRays;

    double largest;

    explicit AnyDirection(std::shared_ptr<const DirectionModel> model) : largest{model->largest()}, model_{std::move(model)} {}

    [[nodiscard]] bool has_unit_second_moment() const noexcept { return model_->has_unit_second_moment(); }
    void validate_for(std::span<const Block> blocks) const { model_->validate(blocks); }
    [[nodiscard]] float operator()(const Key& key, const BlockIdentity& block, std::uint64_t element) const {
        return model_->number(key, block, element);
    }
    [[nodiscard]] const DirectionModel& model() const noexcept { return *model_; }

  private:
    std::shared_ptr<const DirectionModel> model_;
};

/// Its rays.
class AnyRays {
  public:
    AnyRays(AnyDirection direction, std::span<const Block> blocks, std::size_t max_keys, const AnyBackend& backend)
        : direction_{(direction.validate_for(blocks), std::move(direction))}, rays_{direction_.model().rays(blocks, max_keys, backend)} {}

    [[nodiscard]] const AnyDirection& direction() const noexcept { return direction_; }
    void prepare(std::span<const Key> keys, std::span<const Block> blocks, const AnyBackend& backend) { rays_->prepare(keys, blocks, backend); }
    [[nodiscard]] AnyRay ray(std::size_t k, std::size_t b) const noexcept { return rays_->ray(k, b); }
    [[nodiscard]] const double* scales(std::size_t k) const noexcept { return rays_->scales(k); }
    [[nodiscard]] double block_scale(std::size_t b) const noexcept { return rays_->block_scale(b); }
    [[nodiscard]] double largest_in(std::size_t b) const noexcept { return rays_->largest_in(b); }
    [[nodiscard]] double largest(std::size_t k) const noexcept { return rays_->largest(k); }
    [[nodiscard]] std::size_t bytes() const noexcept { return rays_->bytes(); }

  private:
    AnyDirection direction_;
    std::unique_ptr<RaysModel> rays_;
};

ZEROTH_END_NAMESPACE
