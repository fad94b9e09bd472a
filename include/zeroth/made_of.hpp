#pragma once

#include <zeroth/backends/backend.hpp>
#include <zeroth/directions/direction.hpp>
#include <zeroth/estimators/estimator.hpp>
#include <zeroth/updates/update_rule.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>

ZEROTH_BEGIN_NAMESPACE

/// Whether an estimator's direction is called as one, and bounds its numbers.
template <class E>
inline constexpr bool estimates_along_callable = requires { requires is_called_as_direction<decltype(E::direction)>; };
template <class E>
inline constexpr bool estimates_along_bounded = requires { requires has_largest<decltype(E::direction)>; };

/// Whether what an optimizer is made of has everything that it needs, one thing after the other: what comes later is only asked where what
/// comes before is there, so that one sentence is said.
template <class E, class Rule, class B>
struct MadeOf {
    static constexpr bool swapped = requires(const E& rule, const Rule& estimator) {
        rule.rate(std::uint64_t{0});
        estimator.reach();
    };

    static constexpr bool is_estimator = swapped || Estimator<E>;
    static constexpr bool has_direction = swapped || requires(const E& estimator) { estimator.direction; };
    static constexpr bool has_called_direction = !has_direction || swapped || estimates_along_callable<E>;
    static constexpr bool has_bounded_direction = !has_direction || swapped || estimates_along_bounded<E>;
    static constexpr bool has_needs = !has_direction || swapped || requires(const E& estimator) {
        { estimator.max_terms() } -> std::convertible_to<std::size_t>;
        { estimator.forward_passes() } -> std::convertible_to<std::size_t>;
        { estimator.reach() } -> std::convertible_to<double>;
        estimator.validate();
    };

    static constexpr bool has_rate = swapped || requires(const Rule& rule) {
        { rule.rate(std::uint64_t{0}) } -> std::convertible_to<double>;
    };
    static constexpr bool has_validate = !has_rate || swapped || requires(const Rule& rule) { rule.validate(); };
    static constexpr bool has_types = !has_validate || !has_rate || swapped || requires(const Rule& rule) {
        typename Rule::Step;
        typename Rule::State;
        rule.state_bytes_per_parameter;
    };
    static constexpr bool has_state = !has_types || !has_validate || !has_rate || swapped || makes_its_state<Rule>;

    static constexpr bool has_call = is_estimator || !has_direction || !has_called_direction || !has_bounded_direction || !has_needs;
    static constexpr bool has_move = !has_types || !has_state || !has_validate || !has_rate || swapped || UpdateRule<Rule>;
    static constexpr bool has_backend = Backend<B>;
};

ZEROTH_END_NAMESPACE
