#pragma once

#include <zeroth/config.hpp>

#include <stdexcept>

ZEROTH_BEGIN_NAMESPACE

/// Lets one call at a time into an object: one from within another, as a loss that steps its own optimizer makes, or from a second thread
/// meanwhile, throws std::logic_error before it has touched anything.
///
///     const OneCall::Inside inside{one_call_};
///
/// An object that is moved while a call is in it stays shut: whoever has it cannot go on with a half-made step.
class OneCall {
  public:
    OneCall() = default;
    OneCall(OneCall&& other) noexcept : taken_{other.is_taken()} {}
    OneCall& operator=(OneCall&& other) noexcept {
        taken_ = other.is_taken();
        return *this;
    }

    /// A call, until its end.
    class Inside {
      public:
        explicit Inside(OneCall& of) : of_{of} {
            // The compiler's builtins: <atomic> would cost more time to include than all of zeroth.
            if (__atomic_exchange_n(&of_.taken_, true, __ATOMIC_ACQUIRE)) {
                throw std::logic_error{"zeroth: the optimizer is at work: neither its loss, its hook nor another thread may call it meanwhile"};
            }
        }
        Inside(const Inside&) = delete;
        Inside& operator=(const Inside&) = delete;
        ~Inside() { __atomic_store_n(&of_.taken_, false, __ATOMIC_RELEASE); }

      private:
        OneCall& of_;
    };

  private:
    [[nodiscard]] bool is_taken() const noexcept { return __atomic_load_n(&taken_, __ATOMIC_ACQUIRE); }

    bool taken_ = false;
};

ZEROTH_END_NAMESPACE
