#pragma once

#include "answers.hpp"

namespace golden {

// What other backends than the reference make: some of the lines of the files of weights.

/// The registers that the tests are compiled for: every type under each policy.
Answers simd();
/// Three threads of them: every operation on the weights.
Answers threads();
/// A device's threads, one after the other on the host.
Answers device();
/// Every direction, and two operations under each policy, on floats: for one instruction set.
Answers on_sse2();
Answers on_avx2();
Answers on_avx512();

} // namespace golden
