#include "backends.hpp"
#include "instruction_set.hpp"

golden::Answers golden::on_sse2() { return floats_on_registers(); }
