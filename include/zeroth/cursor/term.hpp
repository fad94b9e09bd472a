#pragma once

#include <zeroth/random/key.hpp>

ZEROTH_BEGIN_NAMESPACE

/// One term of a gradient estimate or of a displacement: coefficient * z(key).
struct Term {
    Key key;
    double coefficient = 0;

    friend constexpr bool operator==(const Term&, const Term&) = default;
};

/// What a traversal does to the base while it moves: base <- decay * base + scale * g.
struct BaseMove {
    double decay = 1;
    double scale = 0;
    /// Names the bits of stochastic rounding.
    Key key;
};

/// One key's part in a traversal: its coefficient in the displacement left, in the gradient g of the base's move, and in the
/// displacement entered.
struct Part {
    Key key;
    double leave = 0;
    double gradient = 0;
    double enter = 0;
    const double* block_scale = nullptr;
};

ZEROTH_END_NAMESPACE
