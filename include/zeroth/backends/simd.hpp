#pragma once

/// The vectorised backend, through xsimd. Not part of zeroth.hpp: it needs xsimd's headers (8.1 or newer).

#include <zeroth/backends/float_environment.hpp>
#include <zeroth/backends/simd_access.hpp>
#include <zeroth/backends/simd_lanes.hpp>
#include <zeroth/backends/visit.hpp>

#include <string>

ZEROTH_BEGIN_NAMESPACE

#if defined(__AVX512F__) && !(defined(__AVX512BW__) && defined(__AVX512DQ__) && defined(__AVX512VL__))
#error "zeroth: AVX-512 needs F, BW, DQ and VL together; compile with -march=x86-64-v4 or for AVX2"
#endif

/// The widest registers this translation unit is compiled for that have 32-bit integer arithmetic (AVX without AVX2 has none).
#if defined(__AVX__) && !defined(__AVX2__)
using WidestArch = xsimd::sse4_2;
#else
using WidestArch = xsimd::default_arch;
#endif

/// A backend on the registers of an instruction set: the widest the translation unit is compiled for, unless named. The same bits as
/// Reference. To choose at run time, compile a translation unit for each instruction set and name Arch in each.
/// A program whose weights are all of one type compiles faster by saying so: Simd<WidestArch, ScalarTypes<float>>.
template <class Arch = WidestArch, class Scalars = AllScalarTypes>
struct Simd {
    using Lanes = SimdLanes<Arch>;
    using Types = Scalars;

    [[nodiscard]] std::string name() const { return std::string{"simd "} + Arch::name(); }

    template <class Operation, Ray R>
    void traverse(const Traversal<Operation, R>& traversal) const noexcept {
        const FloatEnvironment environment;
        visit_blocks<Lanes, Types>(traversal, 0, traversal.blocks.size());
    }
};

ZEROTH_END_NAMESPACE
