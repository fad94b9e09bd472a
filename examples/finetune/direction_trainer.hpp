#pragma once

#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include <zeroth/directions/scaled.hpp>

#include "any_estimator.hpp"
#include "mask.hpp"
#include "optimizer_trainer.hpp"

namespace finetune {

/// Compiled for what is asked for; any but Sphere would do.
template <class Direction>
inline constexpr bool has_forward_gradient = false;
template <class Direction>
inline constexpr bool has_forward_gradient<zeroth::Scaled<Direction>> = true;
template <class Direction>
inline constexpr bool has_forward_gradient<zeroth::Masked<Direction, AnyMask>> = true;

/// The trainer of a method along this direction. A method is made of types: each choice made at run time is one more place to branch
/// and one more optimizer to compile; so each direction is compiled in a file of its own.
template <class Direction>
std::unique_ptr<Trainer> make_trainer_along(const Direction& direction, const TrainerParts& parts) {
    using zeroth::InPlace;
    const Method& method = parts.method;
    if constexpr (has_forward_gradient<Direction>) {
        if (method.estimator == EstimatorKind::forward_gradient) {
            return with_rule(parts, [&]<class Rule>(Rule rule) -> std::unique_ptr<Trainer> {
                if constexpr (zeroth::LookaheadRule<Rule>) {
                    throw UsageError("--update", "conservative needs losses");
                } else {
                    return optimizer_trainer(parts, zeroth::ForwardGradient<Direction>{.direction = direction, .queries = method.queries}, std::move(rule));
                }
            });
        }
    }
    using Estimator = AnyEstimator<Direction>;
    const Estimator estimator(direction, method);
    return with_rule(parts, [&]<class Rule>(Rule rule) -> std::unique_ptr<Trainer> {
        if constexpr (!requires { direction.mask; }) {
            if (method.blocks != "none") {
                using enum zeroth::BlockOrder;
                const zeroth::BlockOrder orders[] = {all, cyclic, random, jacobi};  // as BlockOrderKind has them
                return std::make_unique<OptimizerTrainer<zeroth::BlockOptimizer<Estimator, Rule, InPlace, Backend>>>(
                    parts.config, ", " + std::to_string(parts.partition.parts.size()) + " blocks", parts.partition, estimator, rule,
                    zeroth::Settings<>{.seed = parts.seed, .order = orders[static_cast<int>(method.block_order)]}, parts.backend());
            }
            if (method.hybrid != 0) {
                const zeroth::Adam adam{.learning_rate = parts.first_order_rate};
                return std::make_unique<OptimizerTrainer<zeroth::HybridOptimizer<Estimator, Rule, zeroth::Adam, InPlace, Backend>>>(
                    parts.config, ", " + std::to_string(method.hybrid) + (method.hybrid == 1 ? " layer" : " layers") + " by back-propagation",
                    parts.parameters, estimator, std::move(rule), parts.first_order, adam, zeroth::Settings{.seed = parts.seed}, parts.backend());
            }
        }
        return optimizer_trainer(parts, estimator, std::move(rule));
    });
}

extern template std::unique_ptr<Trainer> make_trainer_along(const zeroth::Scaled<zeroth::Gaussian>&, const TrainerParts&);
extern template std::unique_ptr<Trainer> make_trainer_along(const zeroth::Scaled<zeroth::Rademacher>&, const TrainerParts&);
extern template std::unique_ptr<Trainer> make_trainer_along(const zeroth::Scaled<zeroth::Uniform>&, const TrainerParts&);
extern template std::unique_ptr<Trainer> make_trainer_along(const zeroth::Sphere&, const TrainerParts&);
extern template std::unique_ptr<Trainer> make_trainer_along(const zeroth::Masked<zeroth::Gaussian, AnyMask>&, const TrainerParts&);
extern template std::unique_ptr<Trainer> make_trainer_along(const zeroth::Masked<zeroth::Rademacher, AnyMask>&, const TrainerParts&);
extern template std::unique_ptr<Trainer> make_trainer_along(const zeroth::Masked<zeroth::Uniform, AnyMask>&, const TrainerParts&);

/// Along directions of few numbers, and of low rank.
std::unique_ptr<Trainer> make_pool_trainer(const TrainerParts& parts);
std::unique_ptr<Trainer> make_lfsr_trainer(const TrainerParts& parts);
std::unique_ptr<Trainer> make_mixed_pool_trainer(const TrainerParts& parts);
std::unique_ptr<Trainer> make_low_rank_trainer(const TrainerParts& parts);
/// With the tensors in 16 bits.
std::unique_ptr<Trainer> make_narrow_trainer(const TrainerParts& parts);
/// With single weights in place of directions.
std::unique_ptr<Trainer> make_coordinate_trainer(const TrainerParts& parts);
/// By back-propagation.
std::unique_ptr<Trainer> make_first_order_trainer(const TrainerParts& parts);

}  // namespace finetune
