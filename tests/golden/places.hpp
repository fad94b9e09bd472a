#pragma once

#include <zeroth/parameters/block.hpp>
#include <zeroth/random/key.hpp>

#include <cstdint>

namespace golden {

/// Both ends of each word of a key, and neighbours.
inline constexpr zeroth::Key some_keys[] = {
    {0, 0, 0},
    {~std::uint64_t{0}, ~std::uint64_t{0}, ~std::uint32_t{0}},
    {0x243F6A8885A308D3u, 0x13198A2Eu, 3},
    {0x243F6A8885A308D3u, (std::uint64_t{1} << 32) + 5, 1},
    {5, 7, 0},
    {5, 8, 0},
    {5, 107, 2},
};
inline constexpr zeroth::Key a_key = some_keys[2];

inline constexpr zeroth::BlockIdentity a_vector{zeroth::hash_name("vector"), 2125, 1};
inline constexpr zeroth::BlockIdentity a_matrix{zeroth::hash_name("matrix"), 17, 125};
inline constexpr zeroth::BlockIdentity a_small_block{~std::uint64_t{0}, 5, 1};
/// Of 2^41 elements.
inline constexpr zeroth::BlockIdentity a_huge_block{zeroth::hash_name("huge"), std::uint64_t{1} << 21, std::uint64_t{1} << 20};

} // namespace golden
