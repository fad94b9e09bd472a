#pragma once

#include <zeroth/backends/visit.hpp>

#include <cstddef>
#include <string>

namespace zeroth_test {

/// The reference backend compiled for weights of one type, where types are not the point.
template <class T>
struct ReferenceOf {
    using Lanes = zeroth::ScalarLanes;
    using Types = zeroth::ScalarTypes<T>;

    [[nodiscard]] std::string name() const { return "reference"; }
    template <class Operation, zeroth::Ray R>
    void traverse(const zeroth::Traversal<Operation, R>& traversal) const noexcept {
        for (std::size_t b = 0; b < traversal.blocks.size(); ++b) {
            zeroth::visit_range<Lanes, Types>(traversal, b, 0, traversal.blocks[b].size());
        }
    }
};

} // namespace zeroth_test
