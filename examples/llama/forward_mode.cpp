#include "forward_mode.hpp"

namespace llama {

template class ForwardMode<float>;

}  // namespace llama
