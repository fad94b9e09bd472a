#include "standard_streams.hpp"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <string>

#include <fcntl.h>
#include <unistd.h>

#include <report/printable.hpp>

namespace program {
namespace {

int first_error = 0;

void note(bool failed) {
    if (failed && first_error == 0) first_error = errno != 0 ? errno : EIO;
}

}  // namespace

void prepare_standard_streams() {
    for (const int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
        if (::fcntl(descriptor, F_GETFD) >= 0 || errno != EBADF) continue;
        // Opened the wrong way round, so that using it remains an error. open() takes the lowest number that is free, which is this one.
        static_cast<void>(::open("/dev/null", descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY) == descriptor);
    }
    std::signal(SIGPIPE, SIG_IGN);
#if defined(SIGXFSZ)
    std::signal(SIGXFSZ, SIG_IGN);
#endif
}

void print(std::string_view text) {
    const std::string shown = report::printable(text, report::Lines::several);
    errno = 0;
    note(std::fwrite(shown.data(), 1, shown.size(), stdout) != shown.size());
    note(std::fflush(stdout) != 0);
}

void finish_standard_output() {
    errno = 0;
    note(std::fflush(stdout) != 0 || std::ferror(stdout) != 0);
    if (first_error != 0) throw std::runtime_error(std::string("standard output: cannot be written: ") + std::strerror(first_error));
}

}  // namespace program
