#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include <llama/config.hpp>
#include <zeroth/parameters/block.hpp>

namespace finetune {

enum class Scheme { full, lora, prefix, prompt, head };
enum class EstimatorKind { two_sided, one_sided, fzoo, kernel, forward_gradient, coordinate, first_order };
enum class DirectionKind { gaussian, rademacher, uniform, sphere, pool, lfsr, mixed_pool, low_rank };
enum class UpdateKind { sgd, sign, sign_scalar, momentum, conservative, adam, adamw };
enum class BlockOrderKind { all, cyclic, random, jacobi };
enum class ScheduleKind { constant, linear, cosine, trapezoid };
enum class MaskKind { none, bernoulli, global, magnitude, small, n_of_m };

/// What is trained: the model's own weights, or what is added to it.
struct Tuning {
    Scheme scheme = Scheme::full;
    int rank = 8;  ///< of LoRA's products
    double alpha = 16;
    int prefix = 5;  ///< pairs of a key and a value a layer
    int prompt = 10;  ///< virtual tokens

    llama::Adapters adapters() const {
        switch (scheme) {
        case Scheme::lora: return {.rank = rank, .alpha = alpha};
        case Scheme::prefix: return {.prefix = prefix};
        case Scheme::prompt: return {.prompt = prompt};
        case Scheme::full:
        case Scheme::head: break;
        }
        return {};
    }
};

/// How the learning rate changes: rises over `warm_up` steps, then stays, or falls to 0 at the last step.
struct ScheduleOption {
    ScheduleKind kind = ScheduleKind::trapezoid;
    std::uint64_t warm_up = 0;
};

/// Which weights are perturbed and updated.
struct MaskOption {
    MaskKind kind = MaskKind::none;
    double share = 1;
    std::uint32_t n = 0, m = 0;
    std::size_t every = 0;  ///< steps after which it is drawn or chosen anew; 0: never
};

/// How long the layers' displacements are made, every so often.
struct ProjectionOption {
    std::size_t interval = 0;  ///< steps between projections; 0: none
    std::size_t iterations = 10;
    double rate = 0.2;         ///< of the ratios, on a loss that falls by about one
    std::string blocks = "*";  ///< patterns of names

    std::size_t forward_passes() const { return 2 * iterations; }
};

/// Of the directions of low rank.
constexpr int low_rank = 2;

/// The method of training.
struct Method {
    EstimatorKind estimator = EstimatorKind::two_sided;
    DirectionKind direction = DirectionKind::gaussian;
    UpdateKind update = UpdateKind::sgd;
    std::uint32_t queries = 1;  ///< fzoo: 8 if none is given
    int kernel_order = 4;
    std::optional<double> smoothing;  ///< epsilon; the scheme's usual one if it is not given
    double learning_rate = 0;
    ScheduleOption schedule;
    std::optional<double> weight_decay;
    std::size_t window = 0;  ///< of the stateless momentum and Adam; 0: with state
    std::string blocks = "none";
    BlockOrderKind block_order = BlockOrderKind::all;
    std::size_t parts_a_step = 1;  ///< that a step estimates; known once the model is
    MaskOption mask;
    std::string scales = "none";  ///< of the directions in each tensor: by their weights, or by patterns of names
    int hybrid = 0;  ///< layers at the end that take first-order gradients
    std::optional<double> first_order_rate;  ///< of theirs, by Adam; the scheme's usual one if it is not given
    bool reuse_activations = false;
    bool normalize = false;  ///< divides a step by the root mean square of the past estimates' coefficients
    ProjectionOption projection;
    zeroth::ScalarType weights = zeroth::ScalarType::float32;  ///< that the trained tensors are kept in
    Tuning tuning;

    double epsilon() const {
        const bool far = tuning.scheme == Scheme::prefix || estimator == EstimatorKind::kernel;
        return smoothing.value_or(far ? 1e-2 : 1e-3);
    }

    /// What learns on a model of hundreds of thousands of weights; found on stories260K. The gradients of a classifier's loss are some ten times
    /// as large as a text's, which matters to steps in proportion to them.
    double usual_learning_rate(bool classify = false) const;
    double usual_first_order_rate() const;

    /// Of the loss over the whole batch; a forward-mode or a backward pass comes with its own.
    std::size_t forward_passes_per_step() const {
        const auto estimates = [this] {
            switch (estimator) {
            case EstimatorKind::one_sided:
            case EstimatorKind::fzoo: return std::size_t{1} + queries;
            case EstimatorKind::forward_gradient: return std::size_t{queries};
            case EstimatorKind::first_order: return std::size_t{1};
            case EstimatorKind::two_sided:
            case EstimatorKind::kernel:
            case EstimatorKind::coordinate: break;
            }
            return std::size_t{2} * queries;
        };
        const std::size_t candidates = update == UpdateKind::conservative ? 3 : 0;
        return parts_a_step * (candidates + estimates()) + (hybrid > 0 ? 1 : 0);
    }
    /// Steps, and the projections between them, that so many passes suffice for.
    std::size_t steps_within(std::size_t forward_passes) const {
        const std::size_t each = forward_passes_per_step();
        if (projection.interval == 0) return forward_passes / each;
        const std::size_t round = projection.interval * each + projection.forward_passes();
        const std::size_t rounds = forward_passes / round;
        const std::size_t left = (forward_passes - rounds * round) / each;
        return rounds * projection.interval + (left < projection.interval ? left : projection.interval - 1);
    }
};

}  // namespace finetune
