#include "backends.hpp"
#include "instruction_set.hpp"

golden::Answers golden::on_avx2() { return floats_on_registers(); }
