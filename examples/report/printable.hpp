#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace report {

/// The offset of the first byte that does not belong to well-formed UTF-8 (no overlong forms, no surrogates, nothing beyond
/// U+10FFFF), or nothing if all of the text is.
std::optional<std::size_t> first_invalid_utf8(std::string_view text);

enum class Lines { one, several };

/// The text as a terminal, a plot or a page may show it: what is not UTF-8 becomes U+FFFD; control characters, which a terminal obeys, those that turn
/// the direction of writing, and what XML has no place for become text, \x1B or \u202E. Of several lines, line feeds and tabs stay.
std::string printable(std::string_view text, Lines lines = Lines::one);

}  // namespace report
