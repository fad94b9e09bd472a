#pragma once

#include <zeroth/any/any_backend.hpp>
#include <zeroth/backends/reference.hpp>
#include <zeroth/backends/threads.hpp>
#if !defined(ZEROTH_ANY_WITHOUT_SIMD) && __has_include(<xsimd/xsimd.hpp>)
#include <zeroth/backends/simd.hpp>
#endif

ZEROTH_BEGIN_NAMESPACE

/// What AnyBackend is in the files that are compiled once.
#if !defined(ZEROTH_ANY_WITHOUT_SIMD) && __has_include(<xsimd/xsimd.hpp>)
using InnerBackend = Threads<Simd<>>;
#else
using InnerBackend = Threads<Reference>;
#endif

[[nodiscard]] inline InnerBackend inner(const AnyBackend& backend) noexcept { return {.threads = backend.threads}; }

ZEROTH_END_NAMESPACE
