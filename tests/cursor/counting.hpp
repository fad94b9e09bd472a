#pragma once

#include <zeroth/backends/reference.hpp>
#include <zeroth/cursor.hpp>

#include <cstdint>
#include <string>

namespace zeroth_test {

/// What a cursor asked its backend for.
struct Traversals {
    std::uint64_t writing = 0;
    std::uint64_t reading = 0;
    /// Moves of all of them: the directions that were generated.
    std::uint64_t moves = 0;
};

/// A backend, counting.
template <class Inner>
struct CountingOn {
    Traversals* count = nullptr;
    Inner inner{};

    [[nodiscard]] std::string name() const { return "counting"; }

    template <class Operation, zeroth::Ray R>
    void traverse(const zeroth::Traversal<Operation, R>& traversal) const noexcept {
        ++(Operation::writes ? count->writing : count->reading);
        count->moves += traversal.moves.size();
        inner.traverse(traversal);
    }
};
using Counting = CountingOn<zeroth::Reference>;

} // namespace zeroth_test
