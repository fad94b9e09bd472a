#pragma once

#include <zeroth/backends/traversal.hpp>
#include <zeroth/parameters/block.hpp>

#include <string>

ZEROTH_BEGIN_NAMESPACE

/// The backend of methods that are chosen at run time: OpenMP's threads over the widest registers that zeroth::any is compiled for, over
/// Reference where it is compiled without xsimd. Its traversals are compiled there once.
struct AnyBackend {
    using Types = AllScalarTypes;

    /// 0: as many as OpenMP would use.
    int threads = 0;

    [[nodiscard]] std::string name() const;
    template <class Operation, Ray R>
    void traverse(const Traversal<Operation, R>& traversal) const;
};

ZEROTH_END_NAMESPACE
