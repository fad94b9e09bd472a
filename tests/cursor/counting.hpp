#pragma once

#include <zeroth/backends/reference.hpp>
#include <zeroth/cursor.hpp>

#include <cstdint>
#include <span>
#include <string>

namespace zeroth_test {

/// What a cursor asked its backend for.
struct Traversals {
    std::uint64_t writing = 0;
    std::uint64_t reading = 0;
    /// Moves of all of them: the directions that were generated.
    std::uint64_t moves = 0;
};

/// The reference backend, counting.
struct Counting {
    Traversals* count = nullptr;

    [[nodiscard]] std::string name() const { return "counting"; }

    template <class D, class Operation>
    void traverse(std::span<const zeroth::Block> blocks, const D& direction,
                  std::span<const zeroth::Move<Operation::coefficients>> moves, const Operation& operation) const noexcept {
        ++(Operation::writes ? count->writing : count->reading);
        count->moves += moves.size();
        zeroth::Reference{}.traverse(blocks, direction, moves, operation);
    }
};

} // namespace zeroth_test
