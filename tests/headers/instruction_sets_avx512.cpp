#include "instruction_sets.hpp"

Traversed traverse_avx512() { return traverse_with(zeroth::Simd<>{}); }
