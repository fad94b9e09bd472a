#pragma once

#include "data.hpp"
#include "mlp.hpp"

namespace mnist {

/// Mean loss, in nats, and share of digits recognised.
struct Evaluation {
    double loss = 0;
    double accuracy = 0;
};

/// Over all digits, of which there must be some.
Evaluation evaluate(Mlp& model, const Digits& digits);

}  // namespace mnist
