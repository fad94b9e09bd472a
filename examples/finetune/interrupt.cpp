#include "interrupt.hpp"

#include <csignal>

namespace finetune {
namespace {

volatile std::sig_atomic_t flag = 0;

extern "C" void note_interrupt(int) {
    flag = 1;
    std::signal(SIGINT, SIG_DFL);
}

}  // namespace

InterruptGuard::InterruptGuard() {
    // A run that was started with SIGINT ignored (in the background of a script) stays so.
    if (std::signal(SIGINT, note_interrupt) == SIG_IGN) std::signal(SIGINT, SIG_IGN);
}

InterruptGuard::~InterruptGuard() {
    if (std::signal(SIGINT, SIG_DFL) == SIG_IGN) std::signal(SIGINT, SIG_IGN);
}

bool interrupted() { return flag != 0; }

}  // namespace finetune
