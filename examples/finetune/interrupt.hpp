#pragma once

namespace finetune {

/// While one lives, Ctrl-C sets a flag instead of ending the program; a second one ends it.
class InterruptGuard {
public:
    InterruptGuard();
    InterruptGuard(const InterruptGuard&) = delete;
    InterruptGuard& operator=(const InterruptGuard&) = delete;
    ~InterruptGuard();
};

/// Whether Ctrl-C was pressed under a guard.
bool interrupted();

}  // namespace finetune
