#pragma once

#include <zeroth/config.hpp>

#include <string_view>

ZEROTH_BEGIN_NAMESPACE

/// What an estimator, a direction, a rule or a restore policy is called in saved states: its `name`, or that it has none.
template <class T>
[[nodiscard]] constexpr std::string_view method_name() noexcept {
    if constexpr (requires { std::string_view{T::name}; }) {
        return T::name;
    } else {
        return "one of the user's own";
    }
}

ZEROTH_END_NAMESPACE
