#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace report {

/// CRC-32C (Castagnoli, as in iSCSI, RFC 3720) of bytes; give an earlier result as `crc` to continue it.
std::uint32_t crc32c(std::span<const std::byte> bytes, std::uint32_t crc = 0);

/// CRC-32C of the numbers' little-endian bytes, as eight hexadecimal digits.
std::string crc32c_text(std::span<const float> values);

}  // namespace report
