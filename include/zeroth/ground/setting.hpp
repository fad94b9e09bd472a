#pragma once

#include <zeroth/config.hpp>

#include <cstdio>
#include <stdexcept>
#include <string>

ZEROTH_BEGIN_NAMESPACE

/// Throws std::invalid_argument naming the setting, the value and the range unless `valid`.
inline void require_setting(bool valid, const char* setting, double value, const char* range) {
    if (!valid) {
        char number[32];
        std::snprintf(number, sizeof number, "%g", value);
        throw std::invalid_argument{std::string{"zeroth: "} + setting + " is " + number + "; it must be " + range};
    }
}

ZEROTH_END_NAMESPACE
