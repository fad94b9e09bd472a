#include "printable.hpp"

#include <algorithm>

namespace report {
namespace {

/// Bytes of the character at the beginning of a text; 0 if it is none.
std::size_t character_length(std::string_view text) {
    const auto byte = [&](std::size_t index) { return static_cast<unsigned char>(text[index]); };
    const unsigned first = byte(0);
    const std::size_t length = first < 0x80 ? 1 : first >= 0xC2 && first < 0xE0 ? 2 : (first & 0xF0) == 0xE0 ? 3 : first >= 0xF0 && first < 0xF5 ? 4 : 0;
    if (length == 0 || text.size() < length) return 0;
    for (std::size_t i = 1; i < length; ++i) {
        if ((byte(i) & 0xC0) != 0x80) return 0;
    }
    // The second byte decides over overlong forms, surrogates and what lies beyond U+10FFFF.
    const unsigned second = length > 1 ? byte(1) : 0;
    const bool outside = (first == 0xE0 && second < 0xA0) || (first == 0xED && second > 0x9F) || (first == 0xF0 && second < 0x90) || (first == 0xF4 && second > 0x8F);
    return outside ? 0 : length;
}

char32_t code_of(std::string_view character) {
    if (character.size() == 1) return static_cast<unsigned char>(character[0]);
    char32_t code = static_cast<unsigned char>(character[0]) & (0x7Fu >> character.size());
    for (const char byte : character.substr(1)) code = code << 6 | (static_cast<unsigned char>(byte) & 0x3Fu);
    return code;
}

bool is_shown(char32_t code, Lines lines) {
    if (code == '\n' || code == '\t') return lines == Lines::several;
    if (code < 0x20 || (code >= 0x7F && code < 0xA0)) return false;
    if (code == 0x200E || code == 0x200F || code == 0x061C || (code >= 0x2028 && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069)) return false;
    return (code & 0xFFFE) != 0xFFFE && !(code >= 0xFDD0 && code <= 0xFDEF);
}

std::string escaped(char32_t code) {
    const int digits = code < 0x100 ? 2 : code < 0x10000 ? 4 : 8;
    std::string text = digits == 2 ? "\\x" : digits == 4 ? "\\u" : "\\U";
    for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4) text += "0123456789ABCDEF"[(code >> shift) & 15u];
    return text;
}

}  // namespace

std::optional<std::size_t> first_invalid_utf8(std::string_view text) {
    for (std::size_t i = 0; i < text.size();) {
        const std::size_t length = character_length(text.substr(i, 4));
        if (length == 0) return i;
        i += length;
    }
    return std::nullopt;
}

std::string printable(std::string_view text, Lines lines) {
    std::string result;
    result.reserve(text.size());
    for (std::size_t i = 0; i < text.size();) {
        const std::size_t length = character_length(text.substr(i, 4));
        if (length == 0) {
            result += "\xEF\xBF\xBD";
            ++i;
            continue;
        }
        const std::string_view character = text.substr(i, length);
        const char32_t code = code_of(character);
        result += is_shown(code, lines) ? std::string(character) : escaped(code);
        i += length;
    }
    return result;
}

}  // namespace report
