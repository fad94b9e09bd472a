#include "phase.hpp"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <string>
#include <thread>

#if defined(__linux__)
#include <sys/prctl.h>
#endif
#include <sys/wait.h>
#include <unistd.h>

#include <program/interrupt.hpp>
#include <report/printable.hpp>

namespace finetune {
namespace {

/// Not one that a terminal or a shell sends to both processes: a second of those ends a program.
constexpr int forwarded_signal = SIGUSR1;

/// Ends this process when its parent does, however that ends.
void end_with(pid_t parent) {
#if defined(__linux__)
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(2);
#else
    static_cast<void>(parent);
#endif
}

/// Its status; tells it of an interrupt.
int wait_for(pid_t child) {
    using namespace std::chrono_literals;
    bool told = false;
    while (true) {
        int status = 0;
        const pid_t ended = ::waitpid(child, &status, WNOHANG);
        if (ended == child) return status;
        if (ended < 0 && errno != EINTR) throw std::runtime_error(std::string("a process cannot be waited for: ") + std::strerror(errno));
        if (!told && program::interrupted()) {
            ::kill(child, forwarded_signal);
            told = true;
        }
        std::this_thread::sleep_for(5ms);
    }
}

}  // namespace

void run_apart(const std::function<void()>& work) {
    std::fflush(nullptr);
    const program::InterruptGuard forwarded({forwarded_signal}, program::SecondSignal::is_the_same);
    const pid_t parent = ::getpid(), child = ::fork();
    if (child < 0) throw std::runtime_error(std::string("a process cannot be started: ") + std::strerror(errno));
    if (child == 0) {
        end_with(parent);
        int status = 0;
        try {
            work();
        } catch (const std::exception& error) {
            std::fprintf(stderr, "finetune: %s\n", report::printable(error.what()).c_str());
            status = 2;
        }
        std::fflush(nullptr);
        ::_exit(status);
    }
    const int status = wait_for(child);
    if (WIFSIGNALED(status)) throw std::runtime_error("a part of the run was ended by signal " + std::to_string(WTERMSIG(status)));
    if (WEXITSTATUS(status) != 0) throw std::runtime_error("a part of the run failed");
}

}  // namespace finetune
