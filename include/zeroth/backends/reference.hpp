#pragma once

#include <zeroth/backends/float_environment.hpp>
#include <zeroth/backends/visit.hpp>

#include <string>

ZEROTH_BEGIN_NAMESPACE

/// The scalar backend: one element at a time, standard C++ only. It is the specification: every other backend gives its bits.
struct Reference {
    using Lanes = ScalarLanes;
    using Types = AllScalarTypes;

    [[nodiscard]] std::string name() const { return "reference"; }

    template <class Operation, Ray R>
    void traverse(const Traversal<Operation, R>& traversal) const noexcept {
        const FloatEnvironment environment;
        visit_blocks<Lanes, Types>(traversal, 0, traversal.blocks.size());
    }
};

ZEROTH_END_NAMESPACE
