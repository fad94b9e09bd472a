#pragma once

#include "prepared.hpp"
#include "reference_of.hpp"

#include <zeroth/backends/simd.hpp>
#include <zeroth/backends/threads.hpp>
#include <zeroth/zeroth.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace zeroth_test {

using namespace zeroth;

using FastBackend = Simd<WidestArch, ScalarTypes<float>>;
using FloatReference = ReferenceOf<float>;

/// Blocks of these sizes over one run of weights, named by their numbers.
struct Layout {
    std::vector<float> weights;
    Parameters parameters{};
    std::vector<std::size_t> begin{};

    explicit Layout(const std::vector<std::size_t>& sizes) {
        std::size_t total = 0;
        for (const std::size_t size : sizes) {
            total += size;
        }
        weights.resize(total);
        std::size_t before = 0;
        for (std::size_t b = 0; b < sizes.size(); ++b) {
            begin.push_back(before);
            parameters.add("block " + std::to_string(b), std::span{weights}.subspan(before, sizes[b]));
            before += sizes[b];
        }
    }
    const BlockIdentity& identity(std::size_t b) const { return parameters.blocks()[b].identity; }
    /// sum_k c_k z(key_k) over all blocks, c_k = 1, 1/2, 1/4, ...
    template <class D, class B>
    std::vector<float> displaced(const D& direction, const std::vector<Key>& keys, const B& backend) {
        std::fill(weights.begin(), weights.end(), 0.0f);
        std::vector<double> rows;
        while (rows.size() < keys.size()) {
            rows.push_back(1.0 / static_cast<double>(1 << rows.size()));
        }
        traverse(backend, parameters.blocks(), direction, keys, rows, Displace{});
        return weights;
    }
    template <class D>
    std::vector<float> displaced(const D& direction, const Key& key) {
        return displaced(direction, std::vector<Key>{key}, FastBackend{});
    }
};

/// Rays of keys over a layout's blocks.
template <class D>
Prepared<D, FastBackend> prepared(const Layout& layout, const D& direction, const std::vector<Key>& keys) {
    return {direction, layout.parameters.blocks(), keys, {}, FastBackend{}};
}

inline double norm(std::span<const float> z) {
    double sum = 0;
    for (const float x : z) {
        sum += static_cast<double>(x) * static_cast<double>(x);
    }
    return std::sqrt(sum);
}

} // namespace zeroth_test
