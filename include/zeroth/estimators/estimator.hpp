#pragma once

#include <zeroth/directions/direction.hpp>
#include <zeroth/estimators/estimate.hpp>

#include <concepts>
#include <cstddef>

ZEROTH_BEGIN_NAMESPACE

/// (Cursor, ForwardFn, Key) -> Estimate, along a direction of its own. most_terms, forward_passes and reach say what a step needs: terms,
/// calls of the loss, and the largest displacement of one weight.
template <class E>
concept Estimator = Direction<decltype(E::direction)> && requires(const E& estimator) {
    { estimator.most_terms() } -> std::convertible_to<std::size_t>;
    { estimator.forward_passes() } -> std::convertible_to<std::size_t>;
    { estimator.reach() } -> std::convertible_to<double>;
    estimator.validate();
};

/// What an estimator's step calls: a ForwardFn, unless the estimator says `template <class F> static constexpr bool accepts`.
template <class F, class E>
concept LossFor = (requires { E::template accepts<F>; } && E::template accepts<F>) || (!requires { E::template accepts<F>; } && ForwardFn<F>);

ZEROTH_END_NAMESPACE
