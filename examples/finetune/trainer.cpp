#include "trainer.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

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
    std::vector<std::string> patterns;
    for (std::size_t begin = 0; begin <= blocks.size();) {
        const std::size_t end = std::min(blocks.find(',', begin), blocks.size());
        patterns.push_back(blocks.substr(begin, end - begin));
        begin = end + 1;
    }
    try {
        return zeroth::partition_by_patterns(parameters, patterns);
    } catch (const std::invalid_argument& error) {
        throw UsageError("--blocks", error.what());
    }
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
                             schedule_of(method, method.first_order_rate, steps), seed, threads};
    if (method.estimator == EstimatorKind::first_order) return make_first_order_trainer(parts);
    if (method.estimator == EstimatorKind::coordinate) return make_coordinate_trainer(parts);
    if (method.mask.kind != MaskKind::none) return make_masked_trainer(parts);
    switch (method.direction) {
    case DirectionKind::rademacher: return make_trainer_along(zeroth::Rademacher{}, parts);
    case DirectionKind::uniform: return make_trainer_along(zeroth::Uniform{}, parts);
    case DirectionKind::sphere: return make_trainer_along(zeroth::Sphere{}, parts);
    case DirectionKind::gaussian: break;
    }
    return make_trainer_along(zeroth::Gaussian{}, parts);
}

}  // namespace finetune
