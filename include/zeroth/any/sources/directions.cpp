#include <zeroth/any/sources/direction_model.hpp>
#include <zeroth/any/sources/parts.hpp>
#include <zeroth/directions/coordinate.hpp>
#include <zeroth/directions/gaussian.hpp>
#include <zeroth/directions/lfsr_bank.hpp>
#include <zeroth/directions/low_rank.hpp>
#include <zeroth/directions/masked.hpp>
#include <zeroth/directions/mixed_pool.hpp>
#include <zeroth/directions/rademacher.hpp>
#include <zeroth/directions/reuse_pool.hpp>
#include <zeroth/directions/scaled.hpp>
#include <zeroth/directions/sphere.hpp>
#include <zeroth/directions/uniform.hpp>

#include <stdexcept>
#include <string>

ZEROTH_BEGIN_NAMESPACE

namespace {

/// Under the mask, and with the factors. Factors of 1 take nothing and change no bit.
template <class D>
AnyDirection masked_and_scaled(const D& direction, const Method& method, const Parameters& parameters, const MaskMemory* mask) {
    const Array<double> scales = method.scales_of(parameters);
    const std::span<const double> factors{scales.data(), scales.size()};
    if (mask != nullptr) {
        using Drawn = Masked<D, AnyMask>;
        return any_direction(Scaled<Drawn>{Drawn{direction, mask->mask()}, parameters, factors});
    }
    return any_direction(Scaled<D>{direction, parameters, factors});
}

} // namespace

AnyDirection direction_of(const Method& method, const Parameters& parameters, const MaskMemory* mask) {
    const std::string& name = method.direction;
    const bool by_coordinates = method.estimator == "coordinate";
    if (by_coordinates || name == Sphere::name) {
        if (mask != nullptr || method.scales != "none") {
            throw std::invalid_argument{"zeroth: method: mask and scales do not go with estimator=coordinate and direction=sphere"};
        }
        if (!by_coordinates) {
            return any_direction(Sphere{});
        }
        if (name != Method{}.direction) {
            throw std::invalid_argument{"zeroth: method: direction=" + name + " does not go with estimator=coordinate, which has its own"};
        }
        // Drawn: in turn, a run would see the first tensor alone.
        return any_direction(Coordinate{parameters, CoordinateOrder::random});
    }
    const auto along = [&](const auto& direction) { return masked_and_scaled(direction, method, parameters, mask); };
    if (name == Gaussian::name) {
        return along(Gaussian{});
    }
    if (name == Rademacher::name) {
        return along(Rademacher{});
    }
    if (name == Uniform::name) {
        return along(Uniform{});
    }
    if (name == "pool") {
        return along(ReusePool{});
    }
    if (name == LfsrBank::name) {
        return along(LfsrBank{});
    }
    if (name == MixedPool::name) {
        return along(MixedPool{});
    }
    if (name == LowRank<2>::name) {
        return along(LowRank<2>{});
    }
    throw std::invalid_argument{"zeroth: method: direction=" + name +
                                ": there are gaussian, rademacher, uniform, sphere, pool, lfsr, mixed-pool and low-rank"};
}

ZEROTH_END_NAMESPACE
