#include "backward.hpp"

namespace llama {

template class Backward<float>;

}  // namespace llama
