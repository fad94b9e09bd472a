#pragma once

#include <zeroth/directions/gaussian.hpp>

#include <cmath>
#include <cstdint>

ZEROTH_BEGIN_NAMESPACE

/// A point of the sphere of radius sqrt(n) of each block of n elements: a Gaussian over its own norm.
///
///   z = g sqrt(n) / |g|,  g Gaussian
///
/// E z = 0, E z z' = I. The sphere is each block's, not the whole model's: so z does not depend on what else is trained.
/// The norm is |z| = sqrt(n) to 2^-15 relative or better (n >= 16), from a sum over whole numbers whose order does not matter.
/// Cost: a Gaussian's, and one more generation of the block for each key. State: none.
struct Sphere {
    /// Of the raw Gaussian; the scaled number is at most sqrt(n).
    static constexpr float largest = Gaussian::largest;
    static constexpr int groups = Gaussian::groups;
    static constexpr int vectors = Gaussian::vectors;

    template <class Lanes>
    using Draw = PhiloxDraw<Sphere, Lanes>;

    template <class Lanes>
    ZEROTH_INLINE static void next(typename Lanes::Word (&words)[4], typename Lanes::Float (&z)[2]) noexcept {
        Gaussian::next<Lanes>(words, z);
    }

    /// sqrt(n) / |g| from the sum of squared_units(g).
    ZEROTH_HOST_DEVICE static double scale(std::int64_t units, std::uint64_t size) noexcept {
        return units == 0 ? 0.0 : std::sqrt(static_cast<double>(size) / (static_cast<double>(units) * 0x1p-30));
    }

    /// Forms the block's norm anew for each number: for tests; the backends form it once a block.
    ZEROTH_HOST_DEVICE float operator()(const Key& key, const BlockIdentity& block, std::uint64_t element) const noexcept {
        const Gaussian gaussian;
        std::int64_t units = 0;
        for (std::uint64_t i = 0; i < block.size(); ++i) {
            units += squared_units(gaussian(key, block, i));
        }
        return ScalarLanes::product(static_cast<float>(scale(units, block.size())), gaussian(key, block, element));
    }
};

ZEROTH_END_NAMESPACE
