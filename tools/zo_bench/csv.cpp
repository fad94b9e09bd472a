#include "csv.hpp"

#include <array>
#include <charconv>
#include <cmath>

namespace zo_bench {

std::optional<std::vector<std::string>> split_csv(std::string_view line) {
    std::vector<std::string> fields(1);
    bool quoted = false;
    for (std::size_t i = 0; i < line.size(); ++i) {
        const char character = line[i];
        if (character == '"') {
            if (quoted && i + 1 < line.size() && line[i + 1] == '"') {
                fields.back() += line[++i];
            } else {
                quoted = !quoted;
            }
        } else if (character == ',' && !quoted) {
            fields.emplace_back();
        } else {
            fields.back() += character;
        }
    }
    if (quoted) return std::nullopt;
    return fields;
}

std::string join_csv(const std::vector<std::string>& fields) {
    std::string line;
    for (std::size_t i = 0; i < fields.size(); ++i) {
        if (i > 0) line += ',';
        const bool quoted = fields[i].find_first_of(",\"") != std::string::npos;
        if (quoted) line += '"';
        for (const char character : fields[i]) {
            if (character == '"') line += '"';
            line += static_cast<unsigned char>(character) < 0x20 || character == 0x7F ? ' ' : character;
        }
        if (quoted) line += '"';
    }
    return line;
}

std::optional<double> read_number(std::string_view field) {
    double value = 0;
    const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), value);
    if (error != std::errc() || end != field.data() + field.size() || !std::isfinite(value)) return std::nullopt;
    return value;
}

std::string number_text(std::optional<double> value) {
    if (!value || !std::isfinite(*value)) return {};
    std::array<char, 40> text;
    const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), *value);
    return {text.data(), error == std::errc() ? end : text.data()};
}

}  // namespace zo_bench
