#pragma once

#include <cmath>
#include <cstddef>
#include <vector>

#include "config.hpp"

namespace llama {

constexpr double rope_theta = 1e4;

/// The angle by which rotary embedding turns pair `pair` of a head at `position`: position * theta^(-2 pair / head_size).
inline double rope_angle(int position, int pair, int head_size) {
    return position * std::pow(rope_theta, -2.0 * pair / head_size);
}

/// llama2.c's tables: cosines [sequence, head_size / 2], then sines.
inline std::vector<float> rope_table_row_major(const Config& config) {
    const int pairs = config.head_size() / 2;
    const std::size_t size = static_cast<std::size_t>(config.sequence) * static_cast<std::size_t>(pairs);
    std::vector<float> table(2 * size);
    for (int position = 0; position < config.sequence; ++position) {
        for (int pair = 0; pair < pairs; ++pair) {
            const double angle = rope_angle(position, pair, config.head_size());
            const std::size_t index = static_cast<std::size_t>(position) * static_cast<std::size_t>(pairs) + static_cast<std::size_t>(pair);
            table[index] = static_cast<float>(std::cos(angle));
            table[size + index] = static_cast<float>(std::sin(angle));
        }
    }
    return table;
}

}  // namespace llama
