#pragma once

#include <cstddef>
#include <string>

namespace report {

/// A number with `decimals` places, in the C locale's form.
std::string fixed(double value, int decimals);

/// A number with `digits` significant places, in the shorter of fixed and scientific form.
std::string general(double value, int digits);

/// 1234567 as "1,234,567".
std::string grouped(std::size_t count);

/// "950 B", "12.3 KB", "4.56 MB": powers of ten.
std::string bytes(std::size_t count);

/// "4.2 s", "1:05 min", "2:10:00 h".
std::string duration(double seconds);

}  // namespace report
