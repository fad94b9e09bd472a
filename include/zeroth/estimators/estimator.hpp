#pragma once

#include <zeroth/cursor/term.hpp>
#include <zeroth/directions/direction.hpp>
#include <zeroth/estimators/estimate.hpp>

#include <concepts>
#include <cstddef>
#include <span>

ZEROTH_BEGIN_NAMESPACE

/// Whether an estimator with a kind of loss of its own, which it says by `template <class F> static constexpr bool accepts`, takes this one;
/// every other takes a ForwardFn.
template <class E, class F>
inline constexpr bool accepts = ForwardFn<F>;
template <class E, class F>
    requires requires { E::template accepts<F>; }
inline constexpr bool accepts<E, F> = E::template accepts<F>;

/// What an estimator sees of a cursor.
struct CursorSeen {
    void stand_at(const Term&);
    void stand_at(std::span<const Term>);
    void stand_at_base();
};

/// (Cursor, ForwardFn, Key) -> Estimate, along a direction of its own. max_terms, forward_passes and reach say what a step needs: terms,
/// calls of the loss, and the largest displacement of one weight.
template <class E>
concept Estimator = Direction<decltype(E::direction)> && requires(const E& estimator) {
    { estimator.max_terms() } -> std::convertible_to<std::size_t>;
    { estimator.forward_passes() } -> std::convertible_to<std::size_t>;
    { estimator.reach() } -> std::convertible_to<double>;
    estimator.validate();
} && (!accepts<E, double (&)()> || requires(const E& estimator, CursorSeen& cursor, double (&forward)(), const Key& key, Estimate& estimate) {
    estimator(cursor, forward, key, estimate);
});

/// Whether an estimator measures the curvature along its terms' directions, which it says by `static constexpr bool measures_curvature`.
template <class E>
inline constexpr bool measures_curvature = requires { requires E::measures_curvature; };

ZEROTH_END_NAMESPACE
