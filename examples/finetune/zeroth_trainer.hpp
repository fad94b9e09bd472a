#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include <zeroth/block_optimizer.hpp>
#include <zeroth/zeroth.hpp>
#if !defined(ZEROTH_FINETUNE_SCALAR)
#include <zeroth/backends/simd.hpp>
#endif

#include "trainer.hpp"

namespace finetune {

#if defined(ZEROTH_FINETUNE_SCALAR)
using Backend = zeroth::Threads<zeroth::Reference>;
#else
using Backend = zeroth::Threads<zeroth::Simd<zeroth::WidestArch, zeroth::ScalarTypes<float>>>;
#endif

/// A zeroth::Optimizer behind the program's interface.
template <class Estimator, class Rule>
class ZerothTrainer final : public Trainer {
public:
    ZerothTrainer(const zeroth::Parameters& parameters, Estimator estimator, Rule rule, std::uint64_t seed, int threads)
        : optimizer_(parameters, std::move(estimator), std::move(rule), zeroth::Settings{.seed = seed}, Backend{.threads = threads}) {}

    Step step(Task& task) override {
        double in_forward = 0;
        const zeroth::StepReport report = optimizer_.step([&] {
            const Stopwatch watch;
            const double loss = task.loss();
            in_forward += watch.seconds();
            return loss;
        });
        const bool finite = report.reason != zeroth::Reason::non_finite_loss && report.reason != zeroth::Reason::non_finite_update;
        return {report.loss, report.learning_rate, static_cast<std::size_t>(report.forward_passes), finite, in_forward};
    }

    std::string description() const override { return std::string(optimizer_.backend()); }

private:
    zeroth::Optimizer<Estimator, Rule, zeroth::InPlace, Backend> optimizer_;
};

/// A zeroth::BlockOptimizer behind the program's interface.
template <class Estimator, class Rule>
class BlockTrainer final : public Trainer {
public:
    BlockTrainer(const zeroth::Partition& partition, const Estimator& estimator, const Rule& rule, std::uint64_t seed, BlockOrderKind order, int threads)
        : optimizer_(partition, estimator, rule, zeroth::BlockSettings<>{.seed = seed, .order = order_of(order)}, Backend{.threads = threads}) {}

    Step step(Task& task) override {
        double in_forward = 0;
        const zeroth::BlockStepReport report = optimizer_.step([&] {
            const Stopwatch watch;
            const double loss = task.loss();
            in_forward += watch.seconds();
            return loss;
        });
        const bool finite = report.reason != zeroth::Reason::non_finite_loss && report.reason != zeroth::Reason::non_finite_update;
        return {report.loss, report.learning_rate, static_cast<std::size_t>(report.forward_passes), finite, in_forward};
    }

    std::string description() const override { return std::string(optimizer_.backend()) + ", " + std::to_string(optimizer_.parts()) + " blocks"; }

private:
    static zeroth::BlockOrder order_of(BlockOrderKind order) {
        switch (order) {
        case BlockOrderKind::cyclic: return zeroth::BlockOrder::cyclic;
        case BlockOrderKind::random: return zeroth::BlockOrder::random;
        case BlockOrderKind::jacobi: return zeroth::BlockOrder::jacobi;
        case BlockOrderKind::all: break;
        }
        return zeroth::BlockOrder::all;
    }

    zeroth::BlockOptimizer<Estimator, Rule, zeroth::InPlace, Backend> optimizer_;
};

/// What the optimizer is made from, whatever its types.
struct TrainerParts {
    const zeroth::Parameters& parameters;
    zeroth::Partition partition;  ///< of them, for a method that trains block by block
    const Method& method;
    zeroth::Schedule learning_rate;
    std::uint64_t seed;
    int threads;
};

/// The trainer of a method with this direction. A method is made of types: each choice made at run time is one more place to branch
/// and one more optimizer to compile; so each direction is compiled in a file of its own.
template <class Direction>
std::unique_ptr<Trainer> make_trainer_along(Direction direction, const TrainerParts& parts) {
    const Method& method = parts.method;
    const auto with_rule = [&]<class Estimator, class Rule>(Estimator estimator, Rule rule) -> std::unique_ptr<Trainer> {
        if (method.blocks != "none") {
            return std::make_unique<BlockTrainer<Estimator, Rule>>(parts.partition, estimator, rule, parts.seed, method.block_order, parts.threads);
        }
        return std::make_unique<ZerothTrainer<Estimator, Rule>>(parts.parameters, std::move(estimator), std::move(rule), parts.seed, parts.threads);
    };
    const double decay = method.weight_decay.value_or(method.update == UpdateKind::adamw ? 0.01 : 0.0);
    const auto with_estimator = [&](auto estimator) {
        const auto with = [&]<class Rule>(Rule rule) {
            rule.learning_rate = parts.learning_rate;
            rule.weight_decay = decay;
            return with_rule(estimator, std::move(rule));
        };
        switch (method.update) {
        case UpdateKind::sign: return with(zeroth::SignSgd{});
        case UpdateKind::sign_scalar: return with(zeroth::ScalarSignSgd{});
        case UpdateKind::conservative: return with(zeroth::Conservative{});
        case UpdateKind::momentum: return method.window == 0 ? with(zeroth::Momentum{}) : with(zeroth::WindowedMomentum{.window = method.window});
        case UpdateKind::adam:
        case UpdateKind::adamw: return method.window == 0 ? with(zeroth::Adam{}) : with(zeroth::WindowedAdam{.window = method.window});
        case UpdateKind::sgd: break;
        }
        return with(zeroth::Sgd{});
    };
    if (method.estimator == EstimatorKind::one_sided) {
        return with_estimator(zeroth::OneSidedRge<Direction>{.direction = direction, .epsilon = method.epsilon, .queries = method.queries});
    }
    return with_estimator(zeroth::TwoSidedRge<Direction>{.direction = direction, .epsilon = method.epsilon, .queries = method.queries});
}

extern template std::unique_ptr<Trainer> make_trainer_along(zeroth::Gaussian, const TrainerParts&);
extern template std::unique_ptr<Trainer> make_trainer_along(zeroth::Rademacher, const TrainerParts&);
extern template std::unique_ptr<Trainer> make_trainer_along(zeroth::Uniform, const TrainerParts&);
extern template std::unique_ptr<Trainer> make_trainer_along(zeroth::Sphere, const TrainerParts&);

}  // namespace finetune
