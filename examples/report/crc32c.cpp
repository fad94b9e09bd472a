#include "crc32c.hpp"

#include <array>
#include <bit>
#include <cstdio>

namespace report {
namespace {

/// Remainders of one byte under the reflected Castagnoli polynomial.
constexpr std::array<std::uint32_t, 256> make_table() {
    std::array<std::uint32_t, 256> table{};
    for (std::uint32_t byte = 0; byte < 256; ++byte) {
        std::uint32_t remainder = byte;
        for (int bit = 0; bit < 8; ++bit) remainder = (remainder >> 1) ^ ((remainder & 1u) != 0 ? 0x82F63B78u : 0u);
        table[byte] = remainder;
    }
    return table;
}

constexpr std::array<std::uint32_t, 256> table = make_table();

}  // namespace

std::uint32_t crc32c(std::span<const std::byte> bytes, std::uint32_t crc) {
    crc = ~crc;
    for (const std::byte byte : bytes) crc = (crc >> 8) ^ table[(crc ^ std::to_integer<std::uint32_t>(byte)) & 0xFFu];
    return ~crc;
}

std::string crc32c_text(std::span<const float> values) {
    static_assert(std::endian::native == std::endian::little, "the numbers are summed as they lie in memory");
    char text[9];
    std::snprintf(text, sizeof text, "%08x", static_cast<unsigned>(crc32c(std::as_bytes(values))));
    return text;
}

}  // namespace report
