#pragma once

#include <zeroth/directions/gaussian.hpp>
#include <zeroth/projections/layer_projection_settings.hpp>

#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

ZEROTH_BEGIN_NAMESPACE

/// The ratios of a LayerProjection, a_l = gamma_l / u_l, and their descent: numbers of the host's, four a layer.
class ProjectionRatios {
  public:
    ProjectionRatios(const LayerProjectionSettings& settings, std::size_t layers)
        : epsilon_{settings.epsilon}, rate_{settings.rate}, clip_{settings.clip}, measure_{settings.unit}, unit_(layers), shift_(layers), z_(layers),
          ratio_(layers, 1.0) {}

    [[nodiscard]] double operator[](std::size_t l) const noexcept { return ratio_[l]; }
    [[nodiscard]] const double* data() const noexcept { return ratio_.data(); }

    /// From 1 on, in a layer that has come so far.
    void begin(std::size_t l, double displacement) noexcept {
        unit_[l] = measure_ == ProjectionUnit::ratio && displacement > 0 ? 1 : displacement;
        shift_[l] = 0;
    }
    /// Whether some layer has moved.
    [[nodiscard]] bool can_move() const noexcept {
        bool moved = false;
        for (const double unit : unit_) {
            moved = moved || unit > 0;
        }
        return moved;
    }
    /// One normal number a layer, clipped.
    void draw(const Key& key, std::span<const Block> layers) noexcept {
        for (std::size_t l = 0; l < layers.size(); ++l) {
            const float z = number_of<Gaussian>(key, layers[l].identity, 0, Purpose::projection);
            z_[l] = between(static_cast<double>(z), clip_ / epsilon_ * unit_[l]);
        }
    }
    /// (gamma + distance z) / u in each layer.
    void set(double distance) noexcept {
        for (std::size_t l = 0; l < ratio_.size(); ++l) {
            ratio_[l] = unit_[l] > 0 ? 1 + (shift_[l] + ScalarLanes::product(distance, z_[l])) / unit_[l] : 1;
        }
    }
    /// Moves gamma along z by the loss's slope. False where that is not a number.
    [[nodiscard]] bool descend(double slope) noexcept {
        for (std::size_t l = 0; l < shift_.size(); ++l) {
            const double step = ScalarLanes::product(ScalarLanes::product(rate_ * unit_[l], slope), z_[l]);
            if (!std::isfinite(step)) {
                return false;
            }
            shift_[l] = between(shift_[l] - step, clip_ * unit_[l]);
        }
        return true;
    }
    [[nodiscard]] bool differ_from_1() const noexcept {
        bool differs = false;
        for (const double ratio : ratio_) {
            differs = differs || ratio != 1;
        }
        return differs;
    }
    void reset() noexcept { ratio_.assign(ratio_.size(), 1.0); }

  private:
    [[nodiscard]] static double between(double x, double bound) noexcept { return x > bound ? bound : x < -bound ? -bound : x; }

    double epsilon_;
    double rate_;
    double clip_;
    ProjectionUnit measure_;
    /// u_l, 0 for a layer that has not moved; gamma_l - u_l; z_l; a_l.
    std::vector<double> unit_;
    std::vector<double> shift_;
    std::vector<double> z_;
    std::vector<double> ratio_;
};

ZEROTH_END_NAMESPACE
