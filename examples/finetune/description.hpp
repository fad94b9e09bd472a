#pragma once

#include <cstddef>

#include <zeroth/any/method.hpp>

#include "method.hpp"

namespace finetune {

/// The method as an AnyOptimizer takes it, for a run of so many steps.
zeroth::Method description_of(const Method& method, std::size_t steps);

}  // namespace finetune
