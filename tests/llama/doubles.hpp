#pragma once

#include <llama/backward.hpp>
#include <llama/forward.hpp>

namespace llama {

// The library has those of float; these are the tests'.
extern template class Forward<double>;
extern template class Backward<double>;

}  // namespace llama
