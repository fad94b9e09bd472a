#include "doubles.hpp"

namespace llama {

template class Forward<double>;
template class Backward<double>;

}  // namespace llama
