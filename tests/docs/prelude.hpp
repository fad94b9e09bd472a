// What a snippet of the documentation may take for granted: a model, its batches, registered parameters.
#include <zeroth/any/any_optimizer.hpp>
#include <zeroth/backends/simd.hpp>
#include <zeroth/block_optimizer.hpp>
#include <zeroth/directions/integer_pool.hpp>
#include <zeroth/directions/lfsr_bank.hpp>
#include <zeroth/directions/low_rank.hpp>
#include <zeroth/directions/mixed_pool.hpp>
#include <zeroth/directions/reuse_pool.hpp>
#include <zeroth/directions/scaled.hpp>
#include <zeroth/first_order/dual.hpp>
#include <zeroth/estimators/coordinate_wise.hpp>
#include <zeroth/estimators/forward_gradient.hpp>
#include <zeroth/estimators/fzoo.hpp>
#include <zeroth/estimators/hizoo_rge.hpp>
#include <zeroth/estimators/kernel_rge.hpp>
#include <zeroth/first_order/fisher_diagonal.hpp>
#include <zeroth/first_order/hybrid_optimizer.hpp>
#include <zeroth/advice/memory_plan.hpp>
#include <zeroth/directions/bit_masks.hpp>
#include <zeroth/parameters/block_scales.hpp>
#include <zeroth/projections/layer_projection.hpp>
#include <zeroth/projections/term_record.hpp>
#include <zeroth/advice/recommended.hpp>
#include <zeroth/updates/hizoo_sgd.hpp>
#include <zeroth/updates/normalized.hpp>
#include <zeroth/zeroth.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <limits>
#include <iterator>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

struct Batch {};
struct Model {
    double loss(const Batch&) { return 0; }
    void repack(const std::string&) {}
    void write_gradient(std::string_view, std::span<float>) {}
};
[[maybe_unused]] static Model model;
[[maybe_unused]] static std::array<Batch, 2> loader;
[[maybe_unused]] static zeroth::Parameters parameters;
[[maybe_unused]] static void log(std::uint64_t, std::string_view) {}
