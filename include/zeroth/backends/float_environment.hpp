#pragma once

#include <zeroth/config.hpp>

#if !defined(__SSE2__) && !defined(__aarch64__)
#include <cfenv>
#endif

#include <cstdint>

ZEROTH_BEGIN_NAMESPACE

/// While it lives, this thread rounds to nearest and keeps subnormals, whatever a loss has left set (rounding mode, flush to zero, denormals are
/// zero); then what was set is again. One read of the control register and, only where it differs, a write there and back.
/// Exceptions' flags and masks are left alone. Elsewhere than on x86 with SSE2 and AArch64: the rounding mode alone.
class FloatEnvironment {
  public:
    FloatEnvironment() noexcept : before_{get()} {
        if ((before_ & own_bits) != 0) {
            set(before_ & ~own_bits);
        }
    }
    FloatEnvironment(const FloatEnvironment&) = delete;
    FloatEnvironment& operator=(const FloatEnvironment&) = delete;
    ~FloatEnvironment() {
        if ((before_ & own_bits) != 0) {
            set((get() & ~own_bits) | (before_ & own_bits));
        }
    }

  private:
#if defined(__SSE2__)
    using Word = std::uint32_t;
    static constexpr Word own_bits = 0x8000 | 0x6000 | 0x0040; // of MXCSR: FTZ, RC, DAZ

    // The memory clobber keeps loads of weights behind it, and stores before it.
    static Word get() noexcept {
        Word word;
        asm volatile("stmxcsr %0" : "=m"(word) : : "memory");
        return word;
    }
    static void set(Word word) noexcept { asm volatile("ldmxcsr %0" : : "m"(word) : "memory"); }
#elif defined(__aarch64__)
    using Word = std::uint64_t;
    static constexpr Word own_bits = Word{1} << 24 | Word{3} << 22 | Word{1} << 19 | 1; // of FPCR: FZ, RMode, FZ16, FIZ

    static Word get() noexcept {
        Word word;
        asm volatile("mrs %0, fpcr" : "=r"(word) : : "memory");
        return word;
    }
    static void set(Word word) noexcept { asm volatile("msr fpcr, %0" : : "r"(word) : "memory"); }
#else
    using Word = int;
    static constexpr Word own_bits = ~0; // FE_TONEAREST is 0 wherever this is compiled
    static_assert(FE_TONEAREST == 0);

    static Word get() noexcept { return std::fegetround(); }
    static void set(Word word) noexcept { std::fesetround(word); }
#endif

    Word before_;
};

ZEROTH_END_NAMESPACE
