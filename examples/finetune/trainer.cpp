#include "trainer.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <program/values.hpp>
#include <zeroth/projections/layer_projection.hpp>

#include "direction_trainer.hpp"
#include "tensors.hpp"

namespace finetune {
namespace {

zeroth::Schedule schedule_of(const Method& method, double rate, std::size_t steps) {
    steps = std::max<std::size_t>(steps, 1);
    const auto warmed = [&](auto then) -> zeroth::Schedule {
        if (method.schedule.warm_up == 0) return then;
        return zeroth::WarmUp{.steps = method.schedule.warm_up, .then = then};
    };
    switch (method.schedule.kind) {
    case ScheduleKind::linear: return warmed(zeroth::Linear{.rate = rate, .steps = steps});
    case ScheduleKind::cosine: return warmed(zeroth::Cosine{.rate = rate, .steps = steps});
    case ScheduleKind::trapezoid: return warmed(zeroth::Linear{.rate = rate, .steps = steps, .hold = steps / 2});
    case ScheduleKind::constant: break;
    }
    return warmed(zeroth::Constant{rate});
}

zeroth::Partition partition_of(const zeroth::Parameters& parameters, const std::string& blocks) {
    if (blocks == "none") return zeroth::partition_by(parameters, [](const zeroth::Block&) { return std::string("all"); });
    if (blocks == "layer") return zeroth::partition_by_layer(parameters);
    if (blocks == "tensor") return zeroth::partition_by_tensor(parameters);
    try {
        return zeroth::partition_by_patterns(parameters, program::split("--blocks", blocks));
    } catch (const std::invalid_argument& error) {
        throw UsageError("--blocks", error.what());
    }
}

/// The direction with the method's factor for each tensor. Factors of 1 take nothing and change no bit.
template <class Direction>
std::unique_ptr<Trainer> make_scaled_trainer(Direction direction, const TrainerParts& parts) {
    const zeroth::Array<double> scales = scales_of(parts.parameters, parts.method.scales);
    return make_trainer_along(zeroth::Scaled<Direction>{direction, parts.parameters, {scales.data(), scales.size()}}, parts);
}

/// Chooses the mask anew when it is due.
class MaskedTrainer final : public Trainer {
public:
    MaskedTrainer(std::unique_ptr<MaskMemory> mask, std::unique_ptr<Trainer> trainer) : mask_(std::move(mask)), trainer_(std::move(trainer)) {}

    Step step(Task& task) override {
        mask_->choose_if_due(step_++);
        return trainer_->step(task);
    }
    std::string description() const override { return trainer_->description(); }

private:
    std::unique_ptr<MaskMemory> mask_;
    std::unique_ptr<Trainer> trainer_;
    std::size_t step_ = 0;
};

std::unique_ptr<Trainer> make_masked_trainer(const TrainerParts& parts) {
    auto memory = std::make_unique<MaskMemory>(parts.parameters, parts.method.mask);
    const AnyMask mask = memory->mask();
    const auto along = [&](auto direction) {
        auto trainer = make_trainer_along(zeroth::Masked<decltype(direction), AnyMask>{direction, mask}, parts);
        return std::make_unique<MaskedTrainer>(std::move(memory), std::move(trainer));
    };
    switch (parts.method.direction) {
    case DirectionKind::rademacher: return along(zeroth::Rademacher{});
    case DirectionKind::uniform: return along(zeroth::Uniform{});
    default: return along(zeroth::Gaussian{});
    }
}

std::unique_ptr<Trainer> make_trainer_of(const TrainerParts& parts) {
    const Method& method = parts.method;
    if (method.weights != zeroth::ScalarType::float32) return make_narrow_trainer(parts);
    if (method.estimator == EstimatorKind::first_order) return make_first_order_trainer(parts);
    if (method.estimator == EstimatorKind::coordinate) return make_coordinate_trainer(parts);
    if (method.mask.kind != MaskKind::none) return make_masked_trainer(parts);
    switch (method.direction) {
    case DirectionKind::rademacher: return make_scaled_trainer(zeroth::Rademacher{}, parts);
    case DirectionKind::uniform: return make_scaled_trainer(zeroth::Uniform{}, parts);
    case DirectionKind::sphere: return make_trainer_along(zeroth::Sphere{}, parts);
    case DirectionKind::pool: return make_pool_trainer(parts);
    case DirectionKind::lfsr: return make_lfsr_trainer(parts);
    case DirectionKind::mixed_pool: return make_mixed_pool_trainer(parts);
    case DirectionKind::low_rank: return make_low_rank_trainer(parts);
    case DirectionKind::gaussian: break;
    }
    return make_scaled_trainer(zeroth::Gaussian{}, parts);
}

/// DiZO: scales what the trainer has displaced, by losses of batches that no step draws.
class ProjectedTrainer final : public Trainer {
public:
    ProjectedTrainer(const TrainerParts& parts, std::unique_ptr<Trainer> trainer)
        : trainer_(std::move(trainer)), iterations_(parts.method.projection.iterations), projection_(parts.parameters, settings(parts), {}, parts.backend()) {}

    Step step(Task& task) override {
        Step step = trainer_->step(task);
        ++steps_;
        if (!projection_.due(steps_)) return step;
        // The weights are settled, and the policy InPlace keeps nothing beside them.
        const zeroth::ProjectionReport report = projection_.project(steps_, [&](std::size_t pair) {
            constexpr std::uint64_t apart = std::uint64_t{1} << 40;
            task.draw(apart + steps_ * iterations_ + pair);
            const Stopwatch watch;
            const double loss = task.loss();
            step.seconds_in_forward += watch.seconds();
            return loss;
        });
        step.forward_passes += static_cast<std::size_t>(report.forward_passes);
        step.updated = step.updated && (report.reason == zeroth::Reason::updated || report.reason == zeroth::Reason::kept);
        return step;
    }
    std::string description() const override { return trainer_->description(); }

private:
    static zeroth::LayerProjectionSettings settings(const TrainerParts& parts) {
        const auto fits = [&method = parts.method](const zeroth::Block& block) { return projects(method, block); };
        if (std::ranges::none_of(parts.parameters.blocks(), fits)) {
            throw UsageError("--dizo-blocks", "\"" + parts.method.projection.blocks + "\" fits no tensor that is trained");
        }
        return {.seed = parts.seed,
                .interval = parts.method.projection.interval,
                .iterations = static_cast<std::uint32_t>(parts.method.projection.iterations),
                .rate = parts.method.projection.rate,
                .unit = zeroth::ProjectionUnit::ratio,
                .select = fits};
    }

    std::unique_ptr<Trainer> trainer_;
    std::uint64_t iterations_;
    std::uint64_t steps_ = 0;
    zeroth::LayerProjection<Backend> projection_;
};

}  // namespace

std::size_t parts_a_step(llama::Model<float>& model, const Method& method) {
    const zeroth::Partition partition = partition_of(parameters_of(model, method.tuning.scheme), method.blocks);
    const bool all = method.block_order == BlockOrderKind::all || method.block_order == BlockOrderKind::jacobi;
    return all ? partition.parts.size() : 1;
}

std::unique_ptr<Trainer> make_trainer(llama::Model<float>& model, Task& task, const Method& method, std::size_t steps, std::uint64_t seed, int threads) {
    const llama::Config& config = model.config();
    zeroth::Parameters parameters = parameters_of(model, method.tuning.scheme), first_order;
    if (method.reuse_activations) {
        task.reuse_activations(true);
        parameters.on_change([&task, config](std::span<const zeroth::Block> blocks) {
            int lowest = config.layers;
            for (const zeroth::Block& block : blocks) lowest = std::min(lowest, layer_of(block.name, config));
            task.weights_changed(lowest);
        });
    }
    if (method.hybrid != 0) {
        std::tie(parameters, first_order) = split_for_hybrid(parameters, method.hybrid, config);
        if (first_order.blocks().empty()) throw UsageError("--hybrid", "the scheme trains nothing in the last layers");
        if (parameters.blocks().empty()) throw UsageError("--hybrid", "leaves nothing to forward passes");
    }
    const zeroth::Partition partition = partition_of(parameters, method.blocks);
    const TrainerParts parts{config, parameters, first_order, partition, method, schedule_of(method, method.learning_rate, steps),
                             schedule_of(method, method.first_order_rate.value_or(method.usual_first_order_rate()), steps), seed, threads};
    std::unique_ptr<Trainer> trainer = make_trainer_of(parts);
    if (method.projection.interval == 0) return trainer;
    return std::make_unique<ProjectedTrainer>(parts, std::move(trainer));
}

}  // namespace finetune
