#pragma once

/// Moves made by hand.

#include <zeroth/cursor/descend.hpp>
#include <zeroth/random/key.hpp>

#include <cstddef>
#include <vector>

namespace zeroth_test {

/// base <- decay base + scale u, for a cursor: to the bit, for a decay from 1/2 to 2 and those with few digits.
template <zeroth::Step U = zeroth::PlainStep>
[[nodiscard]] zeroth::Descend<U> descend(double decay, double scale, const zeroth::Key& key, const U& step = {}) noexcept {
    return {.rate = 1, .weight_decay = 1 - decay, .towards = scale, .key = key, .step = step};
}

/// The same for traversals that no cursor makes: in each of some blocks.
class Rates {
  public:
    Rates(double decay, double scale, std::size_t blocks = 1000) : rates_(blocks, zeroth::BlockRate{scale, decay - 1}) {}

    /// As long as these are there.
    template <zeroth::Step U = zeroth::PlainStep>
    [[nodiscard]] zeroth::Descend<U> move(const zeroth::Key& key, const U& step = {}) const noexcept {
        zeroth::Descend<U> result{};
        result.key = key;
        result.step = step;
        result.of_block = rates_.data();
        result.is_uniform = true;
        return result;
    }

  private:
    std::vector<zeroth::BlockRate> rates_;
};

inline const Rates some_rates{0.999, -0.5};

} // namespace zeroth_test
