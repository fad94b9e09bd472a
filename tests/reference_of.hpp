#pragma once

#include <zeroth/backends/visit.hpp>

#include <cstddef>
#include <span>
#include <string>

namespace zeroth_test {

/// The reference backend compiled for weights of one type, where types are not the point.
template <class T>
struct ReferenceOf {
    using Lanes = zeroth::ScalarLanes;
    using Types = zeroth::ScalarTypes<T>;

    [[nodiscard]] std::string name() const { return "reference"; }
    template <class D, class Operation>
    void traverse(std::span<const zeroth::Block> blocks, const D& direction, std::span<const zeroth::Move<Operation::coefficients>> moves,
                  const Operation& operation) const noexcept {
        for (std::size_t b = 0; b < blocks.size(); ++b) {
            zeroth::visit_range<Lanes, Types>(blocks[b], b, 0, blocks[b].size(), direction, moves, operation);
        }
    }
};

} // namespace zeroth_test
