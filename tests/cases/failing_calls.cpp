// Loaded before a program's libraries: the call FAULT_AT (from 1) of those that write files fails with the error FAULT_ERROR, or the program is killed there if
// that is 0. Without FAULT_AT the calls are counted, into the file FAULT_COUNT.

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace {

std::atomic<long> calls{0};

long number_of(const char* name) {
    const char* const text = std::getenv(name);
    return text == nullptr ? -1 : std::strtol(text, nullptr, 10);
}

/// Whether this call is to fail.
bool fails() {
    static const long at = number_of("FAULT_AT"), error = number_of("FAULT_ERROR");
    if (++calls != at) return false;
    if (error == 0) ::kill(::getpid(), SIGKILL);
    errno = static_cast<int>(error);
    return true;
}

template <class Function>
Function* next(Function*, const char* name) {
    return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

struct Counter {
    ~Counter() {
        const char* const file = std::getenv("FAULT_COUNT");
        std::FILE* const stream = file == nullptr ? nullptr : std::fopen(file, "w");
        if (stream == nullptr) return;
        std::fprintf(stream, "%ld\n", calls.load());
        std::fclose(stream);
    }
} counter;

}  // namespace

extern "C" {

int open(const char* path, int flags, ...) {
    std::va_list list;
    va_start(list, flags);
    const auto mode = (flags & O_CREAT) != 0 ? static_cast<mode_t>(va_arg(list, int)) : mode_t{0};
    va_end(list);
    static auto* const call = next(&::open, "open");
    return fails() ? -1 : call(path, flags, mode);
}
ssize_t write(int file, const void* data, std::size_t size) {
    static auto* const call = next(&::write, "write");
    return fails() ? -1 : call(file, data, size);
}
int fsync(int file) {
    static auto* const call = next(&::fsync, "fsync");
    return fails() ? -1 : call(file);
}
int close(int file) {
    static auto* const call = next(&::close, "close");
    const bool failed = fails();
    const int error = errno, result = call(file);  // the descriptor is gone in any case
    if (failed) errno = error;
    return failed ? -1 : result;
}
int rename(const char* from, const char* to) noexcept {
    static auto* const call = next(&::rename, "rename");
    return fails() ? -1 : call(from, to);
}
int unlink(const char* path) noexcept {
    static auto* const call = next(&::unlink, "unlink");
    return fails() ? -1 : call(path);
}
int flock(int file, int operation) noexcept {
    static auto* const call = next(&::flock, "flock");
    return fails() ? -1 : call(file, operation);
}
int fchmod(int file, mode_t mode) noexcept {
    static auto* const call = next(&::fchmod, "fchmod");
    return fails() ? -1 : call(file, mode);
}
int fchown(int file, uid_t user, gid_t group) noexcept {
    static auto* const call = next(&::fchown, "fchown");
    return fails() ? -1 : call(file, user, group);
}
}
