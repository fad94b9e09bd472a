#pragma once

#include <zeroth/any/any_rule.hpp>
#include <zeroth/updates/update_rule.hpp>

#include <stdexcept>
#include <utility>
#include <variant>

ZEROTH_BEGIN_NAMESPACE

/// An AnyRule whose steps are functions of the gradient alone, so that it takes a gradient in an estimate's place.
/// Throws std::invalid_argument from the constructor for one that is not.
struct AnyGradientRule : AnyRule {
    static constexpr bool of_gradient_alone = true;

    explicit AnyGradientRule(AnyRule rule) : AnyRule{std::move(rule)} {
        if (!std::visit([]<class Rule>(const Rule&) { return zeroth::of_gradient_alone<Rule>; }, kind)) {
            throw std::invalid_argument{"zeroth: method: first-order takes the updates sgd, sign, momentum, adam and adamw, not normalized and "
                                        "without a window"};
        }
    }
};

ZEROTH_END_NAMESPACE
