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

/// Adds the seconds of its life to a sum, also where an exception ends it.
class AddSeconds {
  public:
    explicit AddSeconds(double& to) noexcept : to_{to} {}
    AddSeconds(const AddSeconds&) = delete;
    AddSeconds& operator=(const AddSeconds&) = delete;
    ~AddSeconds() { to_ += seconds_now() - begin_; }

  private:
    double& to_;
    double begin_ = seconds_now();
};

ZEROTH_END_NAMESPACE
