#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace zo_bench {

/// The fields of a line of CSV (RFC 4180, without line breaks in fields); empty if its quotation marks do not match.
std::optional<std::vector<std::string>> split_csv(std::string_view line);

/// A line of CSV, without a line feed. Line breaks and other control characters in fields become blanks.
std::string join_csv(const std::vector<std::string>& fields);

/// The number that fills a field; none if it does not, or is not finite.
std::optional<double> read_number(std::string_view field);

/// In as few digits as give the same number back; empty for none and for what is not finite.
std::string number_text(std::optional<double> value);

}  // namespace zo_bench
