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

ZEROTH_END_NAMESPACE
