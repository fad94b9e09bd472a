#include "instruction_sets.hpp"

Traversed traverse_sse2() { return traverse_with(zeroth::Simd<>{}); }
