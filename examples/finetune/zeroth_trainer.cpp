#include "zeroth_trainer.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace finetune {
namespace {

zeroth::Schedule schedule_of(const Method& method, std::size_t steps) {
    const auto warmed = [&](auto then) -> zeroth::Schedule {
        if (method.schedule.warm_up == 0) return then;
        return zeroth::WarmUp{.steps = method.schedule.warm_up, .then = then};
    };
    switch (method.schedule.kind) {
    case ScheduleKind::linear: return warmed(zeroth::Linear{.rate = method.learning_rate, .steps = steps});
    case ScheduleKind::cosine: return warmed(zeroth::Cosine{.rate = method.learning_rate, .steps = steps});
    case ScheduleKind::trapezoid: return warmed(zeroth::Linear{.rate = method.learning_rate, .steps = steps, .hold = steps / 2});
    case ScheduleKind::constant: break;
    }
    return warmed(zeroth::Constant{method.learning_rate});
}

zeroth::Parameters parameters_of(llama::Model<float>& model, Scheme scheme) {
    const std::string_view head = model.config().tied ? "token_embedding" : "classifier";
    zeroth::Parameters parameters;
    for (const llama::Tensor<float>& tensor : model.tensors()) {
        if (scheme == Scheme::head && tensor.name != head && tensor.name != "final_norm") continue;
        parameters.add(tensor.name, tensor.values, {.rows = tensor.rows, .columns = tensor.columns});
    }
    return parameters;
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

}  // namespace

std::size_t parts_a_step(llama::Model<float>& model, const Method& method, Scheme scheme) {
    const zeroth::Partition partition = partition_of(parameters_of(model, scheme), method.blocks);
    const bool all = method.block_order == BlockOrderKind::all || method.block_order == BlockOrderKind::jacobi;
    return all ? partition.parts.size() : 1;
}

std::unique_ptr<Trainer> make_zeroth_trainer(llama::Model<float>& model, const Method& method, Scheme scheme, std::size_t steps, std::uint64_t seed,
                                             int threads) {
    const zeroth::Parameters parameters = parameters_of(model, scheme);
    const TrainerParts parts{parameters, partition_of(parameters, method.blocks), method, schedule_of(method, steps), seed, threads};
    switch (method.direction) {
    case DirectionKind::rademacher: return make_trainer_along(zeroth::Rademacher{}, parts);
    case DirectionKind::uniform: return make_trainer_along(zeroth::Uniform{}, parts);
    case DirectionKind::sphere: return make_trainer_along(zeroth::Sphere{}, parts);
    case DirectionKind::gaussian: break;
    }
    return make_trainer_along(zeroth::Gaussian{}, parts);
}

}  // namespace finetune
