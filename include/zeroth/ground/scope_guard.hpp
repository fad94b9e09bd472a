#pragma once

#include <zeroth/config.hpp>

ZEROTH_BEGIN_NAMESPACE

/// Calls what takes half-made work back when its scope is left, by an exception too, unless dismissed before. It must not throw.
template <class F>
class ScopeGuard {
  public:
    explicit ScopeGuard(F take_back) noexcept : take_back_{take_back} {}
    ScopeGuard(const ScopeGuard&) = delete;
    ScopeGuard& operator=(const ScopeGuard&) = delete;
    ~ScopeGuard() {
        if (is_armed_) {
            take_back_();
        }
    }
    void dismiss() noexcept { is_armed_ = false; }

  private:
    F take_back_;
    bool is_armed_ = true;
};

ZEROTH_END_NAMESPACE
