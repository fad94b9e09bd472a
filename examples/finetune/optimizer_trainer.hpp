#pragma once

#include <cstddef>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <llama/gradients.hpp>
#include <zeroth/block_optimizer.hpp>
#include <zeroth/estimators/forward_gradient.hpp>
#include <zeroth/first_order/hybrid_optimizer.hpp>
#include <zeroth/updates/normalized.hpp>
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

/// The task as what zeroth's optimizers call: a ForwardFn, a GradientFn or a DirectionalFn. Adds up the time spent in it.
class TaskCalls {
public:
    TaskCalls(Task& task, const llama::Config& config, std::vector<float>& tangents) : task_(task), config_(config), tangents_(tangents) {}

    template <class Call>
    auto timed(Call call) {
        const Stopwatch watch;
        const auto result = call();
        seconds_ += watch.seconds();
        return result;
    }

    double seconds() const { return seconds_; }

    auto forward() {
        return [this] { return timed([&] { return task_.loss(); }); };
    }
    auto gradient() {
        return [this](std::span<const zeroth::GradientBlock> blocks) {
            llama::Gradients<float> gradients(config_);
            return timed([&] {
                for (const zeroth::GradientBlock& block : blocks) require(gradients.set(block.name, block.floats()), block.name);
                return task_.loss_and_gradient(gradients);
            });
        };
    }
    /// Keeps the tangents: 4 bytes a weight that is trained.
    auto directional() {
        return [this](const zeroth::Tangent& along) {
            std::size_t size = 0;
            for (const zeroth::Block& block : along.blocks()) size += block.size();
            tangents_.resize(size);
            llama::Tangents<float> tangents(config_);
            std::size_t begin = 0;
            for (std::size_t b = 0; b < along.blocks().size(); ++b) {
                const zeroth::Block& block = along.blocks()[b];
                const std::span<float> z = std::span(tangents_).subspan(begin, block.size());
                along.fill(b, z);
                require(tangents.set(block.name, z), block.name);
                begin += z.size();
            }
            return timed([&] { return task_.loss_along(tangents); });
        };
    }

private:
    static void require(bool known, std::string_view name) {
        if (!known) throw std::logic_error("the model has no tensor " + std::string(name));
    }

    Task& task_;
    const llama::Config& config_;
    std::vector<float>& tangents_;
    double seconds_ = 0;
};

/// One of zeroth's optimizers behind the program's interface.
template <class Optimizer>
class OptimizerTrainer final : public Trainer {
public:
    template <class... Arguments>
    OptimizerTrainer(const llama::Config& config, std::string note, Arguments&&... arguments)
        : config_(config), note_(std::move(note)), optimizer_(std::forward<Arguments>(arguments)...) {}

    Step step(Task& task) override {
        TaskCalls calls(task, config_, tangents_);
        const auto report = take(calls);
        const bool finite = report.reason == zeroth::Reason::updated || report.reason == zeroth::Reason::kept;
        return {report.loss, report.learning_rate, static_cast<std::size_t>(report.forward_passes), finite, calls.seconds()};
    }

    std::string description() const override { return std::string(optimizer_.backend()) + note_; }

private:
    auto take(TaskCalls& calls) {
        auto forward = calls.forward();
        auto gradient = calls.gradient();
        auto directional = calls.directional();
        if constexpr (requires { optimizer_.step(forward, gradient); }) {
            return optimizer_.step(forward, gradient);
        } else if constexpr (requires { optimizer_.step(gradient).loss; }) {
            return optimizer_.step(gradient);
        } else if constexpr (requires { optimizer_.step(directional).loss; }) {
            return optimizer_.step(directional);
        } else {
            return optimizer_.step(forward);
        }
    }

    llama::Config config_;
    std::string note_;
    std::vector<float> tangents_;
    Optimizer optimizer_;
};

/// What an optimizer is made from, whatever its types.
struct TrainerParts {
    const llama::Config& config;
    zeroth::Parameters parameters;  ///< of forward passes alone
    zeroth::Parameters first_order;  ///< of the layers that back-propagation reaches, in a hybrid
    zeroth::Partition partition;  ///< of the parameters, for a method that trains block by block
    const Method& method;
    zeroth::Schedule learning_rate;
    zeroth::Schedule first_order_rate;  ///< of back-propagation's side of a hybrid
    std::uint64_t seed;
    int threads;

    Backend backend() const { return {.threads = threads}; }
};

/// visit(rule) with the method's update rule.
template <bool FirstOrder = false, class Visit>
std::unique_ptr<Trainer> with_rule(const TrainerParts& parts, Visit visit) {
    const Method& method = parts.method;
    const double decay = method.weight_decay.value_or(method.update == UpdateKind::adamw ? 0.01 : 0.0);
    const auto with = [&](auto rule) {
        rule.learning_rate = parts.learning_rate;
        rule.weight_decay = decay;
        return visit(std::move(rule));
    };
    const auto with_either = [&](auto rule) {
        if constexpr (!FirstOrder) {
            if (method.normalize) {
                rule.learning_rate = parts.learning_rate;
                rule.weight_decay = decay;
                return visit(zeroth::Normalized<decltype(rule)>{.rule = std::move(rule)});
            }
        }
        return with(std::move(rule));
    };
    switch (method.update) {
    case UpdateKind::sign: return with(zeroth::SignSgd{});
    case UpdateKind::sign_scalar:
        if constexpr (!FirstOrder) return with(zeroth::ScalarSignSgd{});
        break;
    case UpdateKind::conservative:
        if constexpr (!FirstOrder) return with(zeroth::Conservative{});
        break;
    case UpdateKind::momentum:
        if constexpr (!FirstOrder) {
            if (method.window != 0) return with_either(zeroth::WindowedMomentum{.window = method.window});
        }
        return with_either(zeroth::Momentum{});
    case UpdateKind::adam:
    case UpdateKind::adamw:
        if constexpr (!FirstOrder) {
            if (method.window != 0) return with(zeroth::WindowedAdam{.window = method.window});
        }
        return with(zeroth::Adam{});
    case UpdateKind::sgd: break;
    }
    return with_either(zeroth::Sgd{});
}

/// The trainer of an estimator and a rule.
template <class Estimator, class Rule>
std::unique_ptr<Trainer> optimizer_trainer(const TrainerParts& parts, Estimator estimator, Rule rule) {
    using zeroth::InPlace;
    return std::make_unique<OptimizerTrainer<zeroth::Optimizer<Estimator, Rule, InPlace, Backend>>>(
        parts.config, "", parts.parameters, std::move(estimator), std::move(rule), zeroth::Settings{.seed = parts.seed}, parts.backend());
}

}  // namespace finetune
