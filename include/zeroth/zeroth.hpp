#pragma once

/// An Optimizer and what it is made from; needs nothing but the standard library. Included by their own names, to keep this one cheap:
/// estimators/coordinate_wise.hpp, forward_gradient.hpp, fzoo.hpp and kernel_rge.hpp, memory.hpp, block_optimizer.hpp, first_order.hpp,
/// hybrid.hpp, recommended.hpp, fisher_diagonal.hpp, parameters/bit_masks.hpp and block_scales.hpp, directions/low_rank.hpp, mixed_pool.hpp,
/// reuse_pool.hpp, lfsr_bank.hpp and scaled.hpp, updates/normalized.hpp, projections/layer_projection.hpp and term_record.hpp; and, with
/// xsimd, backends/simd.hpp.

#include <zeroth/backends/reference.hpp>
#include <zeroth/backends/threads.hpp>
#include <zeroth/config.hpp>
#include <zeroth/cursor.hpp>
#include <zeroth/directions/gaussian.hpp>
#include <zeroth/directions/masked.hpp>
#include <zeroth/directions/rademacher.hpp>
#include <zeroth/directions/sphere.hpp>
#include <zeroth/directions/uniform.hpp>
#include <zeroth/estimators/accumulated.hpp>
#include <zeroth/estimators/one_sided_rge.hpp>
#include <zeroth/estimators/two_sided_rge.hpp>
#include <zeroth/optimizer.hpp>
#include <zeroth/parameters/parameters.hpp>
#include <zeroth/schedules/schedule.hpp>
#include <zeroth/updates/adam.hpp>
#include <zeroth/updates/conservative.hpp>
#include <zeroth/updates/momentum.hpp>
#include <zeroth/updates/sgd.hpp>
#include <zeroth/updates/sign_sgd.hpp>
