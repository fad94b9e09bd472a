#include "waiting.hpp"

#if defined(_OPENMP) && defined(__linux__)
#include <cstdlib>
#include <initializer_list>

#include <unistd.h>
#endif

namespace program {

void wait_passively(char** argv) {
#if defined(_OPENMP) && defined(__linux__)
    for (const char* name : {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME"}) {
        if (std::getenv(name) != nullptr) return;
    }
    if (::setenv("OMP_WAIT_POLICY", "passive", 1) == 0) ::execv("/proc/self/exe", argv);
#else
    static_cast<void>(argv);
#endif
}

}  // namespace program
