#include "weights.hpp"

#include <zeroth/backends/reference.hpp>

namespace golden {

Answers weights_exact() {
    Answers out;
    run_rules<Exact>(out, Reference{});
    return out;
}

} // namespace golden
