#include "interrupt.hpp"

namespace program {
namespace {

volatile std::sig_atomic_t flag = 0;

extern "C" void note_signal(int) { flag = 1; }
extern "C" void note_first_signal(int signal) {
    flag = 1;
    std::signal(signal, SIG_DFL);
}

}  // namespace

InterruptGuard::InterruptGuard(std::initializer_list<int> signals, SecondSignal second) : signals_(signals) {
    for (const int signal : signals_) {
        // A run that was started with a signal ignored (nohup, in the background of a script) stays so.
        if (std::signal(signal, second == SecondSignal::is_the_same ? note_signal : note_first_signal) == SIG_IGN) std::signal(signal, SIG_IGN);
    }
}

InterruptGuard::~InterruptGuard() {
    for (const int signal : signals_) {
        if (std::signal(signal, SIG_DFL) == SIG_IGN) std::signal(signal, SIG_IGN);
    }
}

bool interrupted() { return flag != 0; }

}  // namespace program
