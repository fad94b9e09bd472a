#pragma once

#include <zeroth/ground/array.hpp>
#include <zeroth/parameters/parameters.hpp>
#include <zeroth/random/scalar_lanes.hpp>
#include <zeroth/ground/setting.hpp>

#include <cmath>
#include <cstddef>
#include <cstring>
#include <span>

ZEROTH_BEGIN_NAMESPACE

/// For Scaled: a scale of each block in proportion to the root mean square of its weights, so that all move by like shares of their size.
///
///   s_b = r_b / sqrt(sum_b n_b r_b^2 / d),   r_b = max(rms of block b, least * rms of all weights)
///
/// The mean of s_b^2 over the d weights is 1, so rates compare with those of the direction alone. Blocks of zeros (LoRA's B) are moved as
/// those of the least size are. 1 for all if every weight is zero, and for blocks without weights.
/// Reads the weights as they stand.
/// Throws std::invalid_argument if least is negative or not finite, and for blocks of a device's memory.
[[nodiscard]] inline Array<double> scales_by_rms(const Parameters& parameters, double least = 0.1) {
    require_setting(least >= 0 && std::isfinite(least), "least", least, "zero or positive, and finite");
    const std::span<const Block> blocks = parameters.blocks();
    require_space(blocks, MemorySpace::host, "scales_by_rms");
    Array<double> scales(blocks.size());
    const auto d = static_cast<double>(parameters.size());
    double total = 0;
    for (std::size_t b = 0; b < blocks.size(); ++b) {
        double sum = 0;
        AllScalarTypes::visit(blocks[b].type, [&]<class Storage>(Storage*) {
            for (std::size_t i = 0; i < blocks[b].size(); ++i) {
                Storage stored;
                std::memcpy(&stored, static_cast<const Storage*>(blocks[b].data) + i, sizeof stored);
                const auto w = static_cast<double>(static_cast<ComputeType<Storage>>(stored));
                sum += ScalarLanes::product(w, w);
            }
        });
        total += sum;
        scales[b] = blocks[b].size() != 0 ? std::sqrt(sum / static_cast<double>(blocks[b].size())) : 0;
    }
    const double smallest = least * std::sqrt(total / d);
    double squares = 0;
    for (std::size_t b = 0; b < blocks.size(); ++b) {
        scales[b] = scales[b] < smallest ? smallest : scales[b];
        squares += static_cast<double>(blocks[b].size()) * ScalarLanes::product(scales[b], scales[b]);
    }
    const double mean = std::sqrt(squares / d);
    for (std::size_t b = 0; b < blocks.size(); ++b) {
        scales[b] = total != 0 && blocks[b].size() != 0 ? scales[b] / mean : 1;
    }
    return scales;
}

ZEROTH_END_NAMESPACE
