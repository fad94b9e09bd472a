#pragma once

#include <zeroth/parameters/block.hpp>

#include <cuda_bf16.h>
#include <cuda_fp16.h>

ZEROTH_BEGIN_NAMESPACE

/// CUDA's own 16-bit types, whose bits are zeroth's.
template <>
struct scalar_traits<__half> {
    static constexpr ScalarType type = ScalarType::float16;
};
template <>
struct scalar_traits<__nv_bfloat16> {
    static constexpr ScalarType type = ScalarType::bfloat16;
};

ZEROTH_END_NAMESPACE
