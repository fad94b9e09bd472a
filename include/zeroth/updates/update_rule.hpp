#pragma once

#include <zeroth/cursor/descend.hpp>
#include <zeroth/cursor/term.hpp>
#include <zeroth/estimators/estimate.hpp>
#include <zeroth/ground/state_memory.hpp>
#include <zeroth/parameters/block.hpp>
#include <zeroth/schedules/schedule.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

ZEROTH_BEGIN_NAMESPACE

/// The gradient terms that a rule hands to its step.
template <class U>
using Gradient = std::vector<GradientTerm<U::coefficients>>;

/// The state of a rule that keeps none.
struct NoState {
    template <class Rule>
    NoState(const Rule&, std::span<const Block>, std::size_t, const StateAllocator&) noexcept {}
};

/// Whether a rule's state is made of the rule, the blocks, the most terms of an estimate, and what takes memory where the traversals reach.
template <class R>
inline constexpr bool makes_its_state = requires {
    requires std::is_constructible_v<typename R::State, const R&, std::span<const Block>, std::size_t, const StateAllocator&>;
};

/// Turns a gradient estimate into a move of the base. A rule is settings; what a run makes of them is its State, which the optimizer owns.
///
///     struct MyRule {
///         using Step = ...;                              // what it descends along: its u
///         using State = ...;                             // NoState, or what a run keeps:
///                                                        // State(const MyRule&, blocks, max_terms of an estimate, const StateAllocator&)
///         static constexpr std::size_t state_bytes_per_parameter;   // of fp32 and 16-bit weights
///         void validate() const;                         // std::invalid_argument for a setting out of range
///         double rate(std::uint64_t step) const;         // the learning rate
///         Descend<Step> move(const Estimate&, const Key&, State&, Gradient<Step>& gradient) const;   // appends its gradient terms
///     };
///
/// move is called once for each step that is made. What a state keeps for each weight lies where the allocator takes memory. A rule may also
/// be a LongRule or a LookaheadRule.
template <class R>
concept UpdateRule = Step<typename R::Step> &&
                     requires(const R& rule, const Estimate& estimate, const Key& key, typename R::State& state,
                              Gradient<typename R::Step>& gradient, std::uint64_t step) {
                         { rule.move(estimate, key, state, gradient) } -> std::same_as<Descend<typename R::Step>>;
                         { rule.rate(step) } -> std::convertible_to<double>;
                         { rule.state_bytes_per_parameter } -> std::convertible_to<std::size_t>;
                         rule.validate();
                     } && makes_its_state<R>;

/// Whether a rule's steps are functions of g alone, so that it takes a gradient in an estimate's place: it says
/// `static constexpr bool of_gradient_alone = true`.
template <class R>
inline constexpr bool of_gradient_alone = requires { requires R::of_gradient_alone; };

/// Whether a rule's moves are made of curvatures besides, which it says by `static constexpr bool needs_curvature`.
template <class R>
inline constexpr bool needs_curvature = requires { requires R::needs_curvature; };

/// A rule whose gradients have more terms than an estimate: max_terms of it for max_terms of the estimate.
template <class R>
concept LongRule = UpdateRule<R> && requires(const R& rule, std::size_t max_terms) {
    { rule.max_terms(max_terms) } -> std::convertible_to<std::size_t>;
};

/// A rule that evaluates candidates before it moves: forward_passes more, by choose(cursor, forward, estimate, key).
template <class R>
concept LookaheadRule = UpdateRule<R> && requires(const R& rule) {
    { rule.forward_passes() } -> std::convertible_to<std::size_t>;
};

/// Throws std::invalid_argument unless `rate` is a learning rate.
inline double require_rate(double rate) {
    require_setting(rate >= 0 && rate < 0x1p128, "learning_rate", rate, "zero or positive, and finite");
    return rate;
}
inline void require_decay(double weight_decay) {
    require_setting(weight_decay >= 0 && weight_decay < 0x1p128, "weight_decay", weight_decay, "zero or positive, and finite");
}

/// Gives a rule, or the rule that it is made around, another schedule.
template <class R>
void give_learning_rate(R& rule, Schedule learning_rate) {
    if constexpr (requires { rule.learning_rate = learning_rate; }) {
        rule.learning_rate = std::move(learning_rate);
    } else if constexpr (requires { rule.set_learning_rate(std::move(learning_rate)); }) {
        rule.set_learning_rate(std::move(learning_rate));
    } else {
        static_assert(requires { give_learning_rate(rule.rule, std::move(learning_rate)); }, "zeroth: the rule has no member learning_rate");
        give_learning_rate(rule.rule, std::move(learning_rate));
    }
}

/// Appends an estimate's own terms.
inline void append_terms(const Estimate& estimate, std::vector<GradientTerm<1>>& gradient) {
    for (const Term& term : estimate.terms) {
        gradient.push_back({term.key, {term.coefficient}});
    }
}

ZEROTH_END_NAMESPACE
