#pragma once

#include <zeroth/random/key.hpp>

#include <cstddef>

ZEROTH_BEGIN_NAMESPACE

/// One term of a gradient estimate or of a displacement: coefficient * z(key).
struct Term {
    Key key;
    double coefficient = 0;

    friend constexpr bool operator==(const Term&, const Term&) = default;
};

/// One key's coefficients in the sums that a move of the base is made from.
template <int Coefficients>
struct GradientTerm {
    Key key;
    double coefficient[Coefficients] = {};
};

/// The largest displacement of one weight to be expected; with scales, where they are 1.
struct Reach {
    double unscaled = 0;
    /// A block-scaled direction's, one a block; null without.
    const double* block_scale = nullptr;

    [[nodiscard]] constexpr double in(std::size_t block) const noexcept {
        return block_scale != nullptr ? unscaled * block_scale[block] : unscaled;
    }
};

/// One key's part in a traversal: its coefficient in the displacement left, in the displacement entered, and in the move of the base.
template <int Coefficients>
struct Part {
    Key key;
    double leave = 0;
    double enter = 0;
    double gradient[Coefficients] = {};
    const double* block_scale = nullptr;
};

ZEROTH_END_NAMESPACE
