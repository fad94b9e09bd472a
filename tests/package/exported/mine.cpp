#include <zeroth/random/philox.hpp>

int mine() { return zeroth::Philox4x32::rounds; }
