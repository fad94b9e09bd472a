#pragma once

#include <zeroth/backends/reductions.hpp>
#include <zeroth/backends/traversal.hpp>
#include <zeroth/directions/formed_ahead.hpp>
#include <zeroth/directions/gaussian.hpp>
#include <zeroth/directions/rays_of.hpp>
#include <zeroth/ground/array.hpp>
#include <zeroth/parameters/block.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

ZEROTH_BEGIN_NAMESPACE

template <class B>
class SphereRays;

/// A point of the sphere of radius sqrt(n) of each block of n elements: a Gaussian over its own norm.
///
///   z = g sqrt(n) / |g|,  g Gaussian
///
/// E z = 0, E z z' = I. The sphere is each block's, not the whole model's: so z does not depend on what else is trained.
/// The norm is |z| = sqrt(n) to 2^-15 relative or better (n >= 16), from a sum over whole numbers whose order does not matter.
/// Cost: a Gaussian's, and one more generation of the block for each key. State: none.
struct Sphere {
    static constexpr std::string_view name = "sphere";
    static constexpr bool has_scales = true;
    /// Of the raw Gaussian; the scaled number is at most sqrt(n).
    static constexpr float largest = Gaussian::largest;

    using Ray = Gaussian::Ray;
    template <class B>
    using Rays = SphereRays<B>;

    /// sqrt(n) / |g| from the sum of squared_units(g).
    ZEROTH_HOST_DEVICE static double scale(std::int64_t units, std::uint64_t size) noexcept {
        return units == 0 ? 0.0 : std::sqrt(static_cast<double>(size) / (static_cast<double>(units) * 0x1p-30));
    }

    /// Forms the block's norm anew for each number: for tests; the backends form it once a block.
    float operator()(const Key& key, const BlockIdentity& block, std::uint64_t element) const noexcept {
        const Gaussian gaussian;
        std::int64_t units = 0;
        for (std::uint64_t i = 0; i < block.size(); ++i) {
            units += squared_units(gaussian(key, block, i));
        }
        return ScalarLanes::product(static_cast<float>(scale(units, block.size())), gaussian(key, block, element));
    }
};

/// Gaussian rays, and the factor of each key in each block, which a traversal sums when the key is first asked for.
template <class B>
class SphereRays : public PhiloxRays<Sphere> {
  public:
    SphereRays(const Sphere& direction, std::span<const Block> blocks, std::size_t max_keys, const B& backend)
        : PhiloxRays<Sphere>{direction, blocks, max_keys, backend}, slots_(max_keys), units_(blocks.size()), sizes_(blocks.size()) {
        for (std::size_t b = 0; b < blocks.size(); ++b) {
            sizes_[b] = blocks[b].size();
        }
        factors_.reserve(max_keys, [this] { return make(); });
    }

    void prepare(std::span<const Key> keys, std::span<const Block> blocks, const B& backend) {
        PhiloxRays<Sphere>::prepare(keys, blocks, backend);
        if (keys.size() > slots_.size()) {
            slots_ = Array<std::size_t>(keys.size());
        }
        factors_.prepare(
            keys, slots_.data(), [](const Key& key) { return key; }, [this] { return make(); },
            [&](std::size_t k, Factors& factors) { form(k, blocks, backend, factors); });
    }
    [[nodiscard]] const double* scales(std::size_t k) const noexcept { return factors_[slots_[k]].of_block.data(); }
    /// The radius; in blocks of more than 200 weights less, but for one key in 2^34: |g| is then over sqrt(n) - 7.
    [[nodiscard]] double largest_in(std::size_t b) const noexcept {
        const double radius = std::sqrt(static_cast<double>(sizes_[b]));
        const double largest = static_cast<double>(Sphere::largest);
        const double likely = radius > 14 ? largest * radius / (radius - 7) : radius;
        return likely < radius ? likely : radius;
    }
    /// |z| is at most the radius.
    [[nodiscard]] double largest(std::size_t k) const noexcept {
        double largest = 0;
        for (std::size_t b = 0; b < sizes_.size(); ++b) {
            const double radius = std::sqrt(static_cast<double>(sizes_[b]));
            const double scaled = static_cast<double>(Sphere::largest) * scales(k)[b];
            const double own = scaled < radius ? scaled : radius;
            largest = largest < own ? own : largest;
        }
        return largest;
    }

  private:
    /// A key's, in each block.
    struct Factors {
        Key name;
        Array<double> of_block;
    };
    /// One of the prepared keys, unscaled.
    struct OneKey {
        const PhiloxRays<Sphere>& rays;
        std::size_t k;

        [[nodiscard]] Sphere::Ray ray(std::size_t, std::size_t b) const noexcept { return rays.ray(k, b); }
        [[nodiscard]] const double* scales(std::size_t) const noexcept { return nullptr; }
    };

    [[nodiscard]] Factors make() const { return {Key{}, Array<double>(sizes_.size())}; }
    void form(std::size_t k, std::span<const Block> blocks, const B& backend, Factors& factors) {
        for (std::int64_t& units : units_) {
            units = 0;
        }
        const OneKey key{*this, k};
        constexpr double one = 1;
        backend.traverse(Traversal{blocks, SquaredNorm{units_.data()}, Moves<Sphere::Ray>{{key, 1}, &one, 1}});
        for (std::size_t b = 0; b < sizes_.size(); ++b) {
            factors.of_block[b] = Sphere::scale(units_[b], sizes_[b]);
        }
    }

    FormedAhead<Factors> factors_;
    Array<std::size_t> slots_;
    Array<std::int64_t> units_;
    Array<std::uint64_t> sizes_;
};

ZEROTH_END_NAMESPACE
