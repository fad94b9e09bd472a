#include "memory.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#if defined(__linux__)
#include <cstdint>

#include <fcntl.h>
#include <link.h>
#include <sys/mman.h>
#include <unistd.h>
#elif defined(__APPLE__)
#include <mach/mach.h>
#endif
#if defined(__GLIBC__)
#include <malloc.h>
#endif

namespace report {
namespace {

#if defined(__linux__)

/// A line of /proc/self/status given in kB, in bytes; 0 if there is none. Allocates nothing: it is called while memory is measured.
std::size_t status_bytes(const char* name) {
    const int descriptor = ::open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return 0;
    char text[4096];
    const ssize_t size = ::read(descriptor, text, sizeof text - 1);
    ::close(descriptor);
    if (size <= 0) return 0;
    text[size] = '\0';
    const char* line = std::strstr(text, name);
    return line == nullptr ? 0 : std::strtoull(line + std::strlen(name), nullptr, 10) * 1024;
}

/// "5" sets the high-water mark back to what is resident (Linux, proc_pid_clear_refs(5)).
bool reset_high_water_mark() {
    const int descriptor = ::open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);
    if (descriptor < 0) return false;
    const bool written = ::write(descriptor, "5", 1) == 1;
    ::close(descriptor);
    return written;
}

std::size_t high_water_mark() { return status_bytes("VmHWM:"); }

/// For dl_iterate_phdr: populates the segments of each object, the program's and its libraries'.
int populate(dl_phdr_info* object, std::size_t, void*) {
#if defined(MADV_POPULATE_READ)
    const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
    for (int i = 0; i < object->dlpi_phnum; ++i) {
        const auto& segment = object->dlpi_phdr[i];
        if (segment.p_type != PT_LOAD) continue;
        const std::uintptr_t begin = (object->dlpi_addr + segment.p_vaddr) / page * page;
        const std::uintptr_t end = object->dlpi_addr + segment.p_vaddr + segment.p_memsz;
        ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_POPULATE_READ);
    }
#else
    static_cast<void>(object);
#endif
    return 0;
}

#else

bool reset_high_water_mark() { return false; }
std::size_t high_water_mark() { return 0; }

#endif

}  // namespace

std::size_t resident_bytes() {
#if defined(__linux__)
    return status_bytes("VmRSS:");
#elif defined(__APPLE__)
    mach_task_basic_info info{};
    mach_msg_type_number_t count = MACH_TASK_BASIC_INFO_COUNT;
    const auto target = reinterpret_cast<task_info_t>(&info);
    return task_info(mach_task_self(), MACH_TASK_BASIC_INFO, target, &count) == KERN_SUCCESS ? info.resident_size : 0;
#else
    return 0;
#endif
}

void release_freed_memory() {
#if defined(__GLIBC__)
    ::malloc_trim(0);
#endif
}

void load_program() {
#if defined(__linux__)
    ::dl_iterate_phdr(populate, nullptr);
#endif
}

void ResidentPeak::restart() {
    most_ = resident_bytes();
    exact_ = reset_high_water_mark() && high_water_mark() != 0;
}

void ResidentPeak::sample() {
    if (!exact_) most_ = std::max(most_, resident_bytes());
}

std::size_t ResidentPeak::bytes() {
    most_ = std::max(most_, exact_ ? high_water_mark() : resident_bytes());
    return most_;
}

}  // namespace report
