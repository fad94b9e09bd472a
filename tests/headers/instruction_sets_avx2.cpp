#include "instruction_sets.hpp"

Traversed traverse_avx2() { return traverse_with(zeroth::Simd<>{}); }
