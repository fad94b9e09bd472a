#pragma once

#include <zeroth/config.hpp>

#include <cstddef>
#include <string_view>

ZEROTH_BEGIN_NAMESPACE

/// Whether a name fits a pattern, in which * stands for any characters, also none.
[[nodiscard]] inline bool matches(std::string_view pattern, std::string_view name) noexcept {
    // Where the last star was, and what it stands for so far: grown when the rest does not fit.
    std::size_t p = 0;
    std::size_t n = 0;
    std::size_t star = std::string_view::npos;
    std::size_t after_star = 0;
    while (n < name.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            after_star = n;
        } else if (p < pattern.size() && pattern[p] == name[n]) {
            ++p;
            ++n;
        } else if (star != std::string_view::npos) {
            p = star + 1;
            n = ++after_star;
        } else {
            return false;
        }
    }
    while (p < pattern.size() && pattern[p] == '*') {
        ++p;
    }
    return p == pattern.size();
}

ZEROTH_END_NAMESPACE
