#pragma once

/// What the compiler must promise for "the same bits everywhere", and the few macros the library needs.

#include <cfloat>

#define ZEROTH_VERSION_MAJOR 0
#define ZEROTH_VERSION_MINOR 1
#define ZEROTH_VERSION_PATCH 0

#if defined(__FAST_MATH__) || (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__)
#error "zeroth: -ffast-math and -ffinite-math-only change the bits of a run and hide NaN; compile without them"
#endif
#if defined(__ASSOCIATIVE_MATH__) || defined(__RECIPROCAL_MATH__)
#error "zeroth: -fassociative-math and -freciprocal-math change the bits of a run; compile without them"
#endif
// 16 and 32 are those of programs that ask for _Float16 or _Float32 (__STDC_WANT_IEC_60559_TYPES_EXT__): float is evaluated as float there too.
#if !defined(__CUDA_ARCH__) && FLT_EVAL_METHOD != 0 && FLT_EVAL_METHOD != 16 && FLT_EVAL_METHOD != 32
#error "zeroth: float must be evaluated as float (FLT_EVAL_METHOD 0); on 32-bit x86 use -msse2 -mfpmath=sse"
#endif
#if !defined(__CUDA_ARCH__) && !defined(__cpp_exceptions)
#error "zeroth: a wrong setting throws, and so may a loss; compile with exceptions, at least where zeroth is included"
#endif

#if defined(__CUDACC__)
#define ZEROTH_HOST_DEVICE __host__ __device__
#else
#define ZEROTH_HOST_DEVICE
#endif

/// Before a HOST_DEVICE template that calls what it is handed: nvcc is not to warn where that is the host's.
#if defined(__CUDACC__)
#define ZEROTH_NO_EXEC_CHECK _Pragma("nv_exec_check_disable")
#else
#define ZEROTH_NO_EXEC_CHECK
#endif

/// A function of the element loops: it must be inlined, or its vectors would travel through memory.
#if defined(__GNUC__) || defined(__clang__)
#define ZEROTH_INLINE ZEROTH_HOST_DEVICE inline __attribute__((always_inline))
#else
#define ZEROTH_INLINE ZEROTH_HOST_DEVICE inline
#endif

/// Before a loop over a register array: it is unrolled wholly, so that the array lives in registers.
#if defined(__clang__) || defined(__CUDA_ARCH__)
#define ZEROTH_UNROLL _Pragma("unroll")
#elif defined(__GNUC__) && !defined(__CUDACC__) // nvcc's front end does not know GCC's, nor GCC nvcc's
#define ZEROTH_UNROLL _Pragma("GCC unroll 32")
#else
#define ZEROTH_UNROLL
#endif

/// The ABI's version is part of every symbol, so that two versions can live in one program.
#define ZEROTH_ABI v0_1
#define ZEROTH_BEGIN_NAMESPACE                                                                                         \
    namespace zeroth {                                                                                                 \
    inline namespace ZEROTH_ABI {
#define ZEROTH_END_NAMESPACE                                                                                           \
    }                                                                                                                  \
    }
