#pragma once

#include <zeroth/cursor/term.hpp>

#include <concepts>
#include <cstddef>

ZEROTH_BEGIN_NAMESPACE

/// Turns a gradient estimate into a move of the base: move(key) gives the step's base <- decay * base + scale * g.
/// validate() throws std::invalid_argument for a setting out of range; state_bytes_per_parameter says what the rule keeps.
template <class R>
concept UpdateRule = requires(const R& rule, const Key& key) {
    { rule.move(key) } -> std::same_as<BaseMove>;
    { R::state_bytes_per_parameter } -> std::convertible_to<std::size_t>;
    rule.validate();
};

ZEROTH_END_NAMESPACE
