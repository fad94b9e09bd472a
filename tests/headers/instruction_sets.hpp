#pragma once

// One traversal, compiled once for each instruction set into the same program. The translation units share the library's
// inline functions; were one of these not named after its instruction set, the linker would keep any one copy for all.

#include "prepared.hpp"

#include <zeroth/backends/simd.hpp>
#include <zeroth/directions/gaussian.hpp>
#include <zeroth/parameters/parameters.hpp>

#include <span>
#include <string>
#include <vector>

struct Traversed {
    std::string backend;
    std::vector<float> weights;
};

Traversed traverse_sse2();
Traversed traverse_avx2();
Traversed traverse_avx512();

namespace {

template <class Backend>
Traversed traverse_with(const Backend& backend) {
    std::vector<float> weights(5000);
    for (std::size_t i = 0; i < weights.size(); ++i) {
        weights[i] = 0.001f * static_cast<float>(i);
    }
    zeroth::Parameters parameters;
    parameters.add("w", std::span{weights});
    zeroth_test::traverse(backend, parameters.blocks(), zeroth::Gaussian{}, {{1, 2, 0}, {1, 2, 1}}, {0.5, -0.25}, zeroth::Displace{});
    return {backend.name(), weights};
}

} // namespace
