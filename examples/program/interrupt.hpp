#pragma once

#include <csignal>
#include <initializer_list>
#include <vector>

namespace program {

enum class SecondSignal { ends_the_program, is_the_same };

/// While one lives, these signals set a flag instead of ending the program.
class InterruptGuard {
public:
    explicit InterruptGuard(std::initializer_list<int> signals = {SIGINT, SIGTERM, SIGHUP}, SecondSignal second = SecondSignal::ends_the_program);
    InterruptGuard(const InterruptGuard&) = delete;
    InterruptGuard& operator=(const InterruptGuard&) = delete;
    ~InterruptGuard();

private:
    std::vector<int> signals_;
};

/// Whether one of them came under a guard.
bool interrupted();

}  // namespace program
