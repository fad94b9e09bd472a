#pragma once

#include <zeroth/backends/threads.hpp>
#if !defined(ZEROTH_FINETUNE_SCALAR)
#include <zeroth/backends/simd.hpp>
#endif

namespace finetune {

/// Of what is not chosen by a method's name: projections, and what a recommendation tries.
#if defined(ZEROTH_FINETUNE_SCALAR)
using Backend = zeroth::Threads<zeroth::Reference>;
#else
using Backend = zeroth::Threads<zeroth::Simd<zeroth::WidestArch, zeroth::ScalarTypes<float>>>;
#endif

}  // namespace finetune
