#pragma once

#include <zeroth/random/key.hpp>
#include <zeroth/rays/philox_ray.hpp>
#include <zeroth/rays/ray.hpp>

#include <concepts>
#include <cstdint>
#include <type_traits>

ZEROTH_BEGIN_NAMESPACE

/// A pure function z(key, block, element) of zero mean and unit second moment (E z z' = I): it depends on nothing else, not on threads, vector
/// width, the other blocks or the device. `largest` bounds |z|.
///
/// A direction of one's own needs only this much; the backends then call it element by element. To be vectorised it offers what
/// VectorDirection asks for. validate() throws std::invalid_argument for a setting out of range, validate_for(blocks) where the blocks to be
/// trained are not those that it was made for; both are optional.
template <class D>
concept Direction = std::copy_constructible<D> &&
                    requires(const D& direction, const Key& key, const BlockIdentity& block, std::uint64_t element) {
                        { direction(key, block, element) } -> std::same_as<float>;
                        { direction.largest } -> std::convertible_to<double>;
                    };

/// Direction's requirements, one by one: for the sentences of those who need one.
template <class D>
inline constexpr bool is_called_as_direction = requires(const D& direction, const Key& key, const BlockIdentity& block, std::uint64_t element) {
    { direction(key, block, element) } -> std::same_as<float>;
};
template <class D>
inline constexpr bool has_largest = requires(const D& direction) {
    { direction.largest } -> std::convertible_to<double>;
};

/// A direction that is drawn in whole registers, from rays of its own type.
///
/// PhiloxRay<D> where its numbers are functions of random words; any other ray, with memory behind it or without, together with what makes
/// it ready for the keys of a traversal: `template <class Backend> using Rays = ...` (see RaysOf).
template <class D>
concept VectorDirection = Direction<D> && Ray<typename D::Ray>;

/// A direction whose rays know where they are 0: traversals that only add to the weights leave those stretches alone.
template <class D>
concept SparseDirection = VectorDirection<D> && SparseRay<typename D::Ray>;

/// Whether E z^2 = 1 for the weights that the direction touches, as it should be; one that is made for an estimator which knows better
/// says `static constexpr bool unit_second_moment = false`.
template <class D>
inline constexpr bool unit_second_moment_of = true;
template <class D>
    requires requires { D::unit_second_moment; }
inline constexpr bool unit_second_moment_of<D> = D::unit_second_moment;
/// Of one that is chosen at run time.
template <class D>
[[nodiscard]] constexpr bool has_unit_second_moment(const D& direction) noexcept {
    if constexpr (requires { direction.has_unit_second_moment(); }) {
        return direction.has_unit_second_moment();
    } else {
        return unit_second_moment_of<D>;
    }
}

/// Whether the rays come with a factor of z for each block, as those of Sphere and Scaled do, which say `static constexpr bool has_scales = true`.
template <class D>
inline constexpr bool has_scales_of = requires { requires D::has_scales; };

/// One number of a direction whose rays are Philox bits, by the same code that the registers run through.
template <class D>
    requires std::same_as<typename D::Ray, PhiloxRay<D>>
[[nodiscard]] ZEROTH_HOST_DEVICE float number_of(const Key& key, const BlockIdentity& block, std::uint64_t element,
                                                 Purpose purpose = Purpose::direction) noexcept {
    return number_at(PhiloxRay<D>{{philox_key(key, purpose), block.hash}}, element);
}

ZEROTH_END_NAMESPACE
