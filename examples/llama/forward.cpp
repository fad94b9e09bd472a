#include "forward.hpp"

namespace llama {

template class Forward<float>;

}  // namespace llama
