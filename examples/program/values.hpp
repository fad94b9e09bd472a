#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace program {

/// A number in full: at least 0, or over it. Throws UsageError.
double read_number(const std::string& option, const std::string& text, bool zero_allowed, const char* range);
/// A whole number from least to most, and nothing after it. Throws UsageError.
std::uint64_t read_whole(const std::string& option, const std::string& text, std::uint64_t least, std::uint64_t most);
/// The parts between commas, none of them empty. Throws UsageError.
std::vector<std::string> split(const std::string& option, const std::string& list);

}  // namespace program
