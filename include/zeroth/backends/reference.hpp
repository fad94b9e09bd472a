#pragma once

#include <zeroth/backends/visit.hpp>

#include <span>
#include <string>

ZEROTH_BEGIN_NAMESPACE

/// The scalar backend: one element at a time, standard C++ only. It is the specification: every other backend gives its bits.
///
/// A backend has one operation, traverse: visit every element of the blocks, form the moves' directions in registers, apply an
/// elementwise operation.
struct Reference {
    using Lanes = ScalarLanes;
    using Types = AllScalarTypes;

    [[nodiscard]] std::string name() const { return "reference"; }

    template <class D, class Operation>
    void traverse(std::span<const Block> blocks, const D& direction,
                  std::span<const Move<Operation::coefficients>> moves, const Operation& operation) const noexcept {
        visit_blocks<Lanes, Types>(blocks, 0, direction, moves, operation);
    }
};

ZEROTH_END_NAMESPACE
