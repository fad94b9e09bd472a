#pragma once

#include <zeroth/cursor/base_move.hpp>
#include <zeroth/cursor/term.hpp>
#include <zeroth/estimators/estimate.hpp>
#include <zeroth/parameters/block.hpp>
#include <zeroth/ground/state_memory.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

ZEROTH_BEGIN_NAMESPACE

/// Turns a gradient estimate into a move of the base.
///
///     struct Rule {
///         using Move = ...;                              // a BaseMove
///         static constexpr std::size_t state_bytes_per_parameter;   // of fp32 and 16-bit weights
///         void validate() const;                         // std::invalid_argument for a setting out of range
///         double rate(std::uint64_t step) const;         // the learning rate
///         Move move(const Estimate&, const Key&, Gradient<Move>& gradient);   // the step's move; appends its gradient terms
///     };
///
/// move is called once for each step that is made. A rule may also be a PreparedRule or a StatefulRule, a LongRule, a LookaheadRule.
template <class R>
concept UpdateRule = BaseMove<typename R::Move> &&
                     requires(R& rule, const Estimate& estimate, const Key& key,
                              std::vector<GradientTerm<R::Move::coefficients>>& gradient, std::uint64_t step) {
                         { rule.move(estimate, key, gradient) } -> std::same_as<typename R::Move>;
                         { rule.rate(step) } -> std::convertible_to<double>;
                         { R::state_bytes_per_parameter } -> std::convertible_to<std::size_t>;
                         rule.validate();
                     };

/// The gradient terms that a rule hands to its move.
template <class Move>
using Gradient = std::vector<GradientTerm<Move::coefficients>>;

/// A rule that is given the blocks and the most terms of an estimate before the first step, to take what memory it needs.
template <class R>
concept PreparedRule = UpdateRule<R> && requires(R& rule, std::span<const Block> blocks, std::size_t max_terms) {
    rule.prepare(blocks, max_terms);
};

/// A rule that keeps numbers for each weight where the backend's blocks lie: its prepare() is given what takes memory there besides.
template <class R>
concept StatefulRule =
    UpdateRule<R> && requires(R& rule, std::span<const Block> blocks, std::size_t max_terms, const StateAllocator& allocator) {
        rule.prepare(blocks, max_terms, allocator);
    };

/// Lets a rule of either kind prepare itself; others have nothing to prepare.
template <UpdateRule Rule>
void prepare_rule(Rule& rule, std::span<const Block> blocks, std::size_t max_terms, const StateAllocator& allocator) {
    if constexpr (StatefulRule<Rule>) {
        rule.prepare(blocks, max_terms, allocator);
    } else if constexpr (PreparedRule<Rule>) {
        rule.prepare(blocks, max_terms);
    }
}

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

/// Appends an estimate's own terms.
inline void append_terms(const Estimate& estimate, std::vector<GradientTerm<1>>& gradient) {
    for (const Term& term : estimate.terms) {
        gradient.push_back({term.key, {term.coefficient}});
    }
}

ZEROTH_END_NAMESPACE
