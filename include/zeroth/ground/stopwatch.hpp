#pragma once

#include <zeroth/config.hpp>

#include <ctime>

ZEROTH_BEGIN_NAMESPACE

/// Seconds since an arbitrary moment, which never go back where the system has such a clock. Not by <chrono>, whose header would cost half as
/// much again as all that the core includes.
[[nodiscard]] inline double seconds_now() noexcept {
    std::timespec now{};
#if defined(CLOCK_MONOTONIC)
    clock_gettime(CLOCK_MONOTONIC, &now);
#else
    static_cast<void>(std::timespec_get(&now, TIME_UTC));
#endif
    return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

ZEROTH_END_NAMESPACE
