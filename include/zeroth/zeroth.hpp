#pragma once

/// An Optimizer and what it is made from; needs nothing but the standard library. Included by their own names, to keep this one cheap:
/// block_optimizer.hpp; estimators/coordinate_wise.hpp, forward_gradient.hpp, fzoo.hpp, hizoo_rge.hpp and kernel_rge.hpp; directions/bit_masks.hpp,
/// low_rank.hpp, mixed_pool.hpp, preconditioned.hpp, reuse_pool.hpp, lfsr_bank.hpp and scaled.hpp; parameters/block_scales.hpp;
/// updates/hizoo_sgd.hpp and normalized.hpp; projections/layer_projection.hpp and term_record.hpp; first_order/; advice/; and, with xsimd,
/// backends/simd.hpp.

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
#include <zeroth/updates/windowed_adam.hpp>
