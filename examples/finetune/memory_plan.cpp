#include "memory_plan.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>

#include <llama/memory.hpp>
#include <llama/threads.hpp>
#include <report/format.hpp>
#include <report/table.hpp>
#include <zeroth/zeroth.hpp>

#include "tensors.hpp"

namespace finetune {
namespace {

/// What the rule keeps for these parameters; in a window, a few numbers a step.
std::size_t rule_state(const Method& method, const zeroth::Parameters& parameters) {
    if (method.window != 0) return 0;
    switch (method.update) {
    case UpdateKind::momentum: return zeroth::state_bytes<zeroth::Momentum>(parameters);
    case UpdateKind::adam:
    case UpdateKind::adamw: return zeroth::state_bytes<zeroth::Adam>(parameters);
    default: return 0;
    }
}

std::size_t mask_bytes(const MaskOption& mask, const zeroth::Parameters& parameters) {
    constexpr std::size_t histogram = std::size_t{1} << 19;
    switch (mask.kind) {
    case MaskKind::magnitude:
    case MaskKind::small: return parameters.size() / 8 + histogram;
    case MaskKind::n_of_m: return parameters.size() / 8;
    case MaskKind::global: return histogram;
    default: return 0;
    }
}

/// The right factors of low-rank directions, of two epochs.
std::size_t factor_bytes(const zeroth::Parameters& parameters) {
    constexpr std::uint64_t rank = low_rank;
    std::size_t bytes = 0;
    for (const zeroth::Block& block : parameters.blocks()) {
        const bool factored = block.identity.rows > rank && block.identity.columns > rank;
        if (factored) bytes += static_cast<std::size_t>(2 * rank * (block.identity.columns + 16)) * sizeof(float);
    }
    return bytes;
}

}  // namespace

zeroth::MemoryPlan plan_memory(llama::Model<float>& model, const Method& method, const MemoryRequest& request) {
    const llama::Config& config = model.config();
    const int threads = llama::thread_count(request.threads);
    const llama::PassMemory<float> passes(config, model.adapters(), request.length, threads);
    const auto [parameters, first_order] = split_for_hybrid(parameters_of(model, method.tuning.scheme), method.hybrid, config);
    const bool all_first_order = method.estimator == EstimatorKind::first_order;
    const zeroth::Parameters& differentiated = all_first_order ? parameters : first_order;
    int lowest = config.layers;
    for (const zeroth::Block& block : differentiated.blocks()) lowest = std::min(lowest, layer_of(block.name, config));

    zeroth::RuntimeMemory runtime;
    runtime.weights = (model.values().size() + model.adapter_values().size()) * sizeof(float) + request.data;
    runtime.forward = passes.forward() + (method.reuse_activations ? passes.kept_inputs(request.batch) : 0);
    runtime.backward = passes.backward(lowest, differentiated.size());
    runtime.forward_mode = passes.forward_mode();

    zeroth::MethodMemory needs{.threads = static_cast<std::uint64_t>(threads)};
    needs.state = rule_state(method, parameters) + mask_bytes(method.mask, parameters);
    // The tensors themselves and Snapshot's copy; the widened ones are the runtime's.
    if (method.weights != zeroth::ScalarType::float32) needs.state += 2 * zeroth::bytes_of(method.weights) * parameters.size();
    for (const zeroth::Block& block : parameters.blocks()) needs.state += projects(method, block) ? 2 * block.bytes() : 0;
    if (method.direction == DirectionKind::low_rank) needs.state += factor_bytes(parameters);
    if (all_first_order || method.hybrid != 0) {
        needs.pass = zeroth::PassKind::backward;
        needs.gradient = zeroth::gradient_bytes(differentiated);
        if (!all_first_order) needs.state += zeroth::state_bytes<zeroth::Adam>(differentiated);
    } else if (method.estimator == EstimatorKind::forward_gradient) {
        needs.pass = zeroth::PassKind::forward_mode;
        needs.gradient = zeroth::gradient_bytes(parameters);
    }
    zeroth::MemoryPlan plan = zeroth::plan_memory(runtime, needs, true);  // evaluations are forward passes
    plan.load = std::max<std::uint64_t>(plan.load, model.values().size() * sizeof(float) + request.loading);
    return plan;
}

std::string memory_table(llama::Model<float>& model, const Method& method, const MemoryRequest& request) {
    report::Table table({"memory beyond the empty program", "load", "forward", "backward", "step", "peak"});
    const auto add = [&](const std::string& name, const Method& other) {
        const zeroth::MemoryPlan plan = plan_memory(model, other, request);
        const auto text = [](std::uint64_t bytes) { return bytes == 0 ? std::string() : report::bytes(static_cast<std::size_t>(bytes)); };
        table.add({name, text(plan.load), text(plan.forward), text(plan.backward), text(plan.step),
                   text(plan.peak()) + " (" + std::string(plan.peak_phase()) + ")"});
    };
    add("this run", method);
    Method other;
    other.tuning = method.tuning;
    add("forward passes alone, rules without state", other);
    other.update = UpdateKind::momentum;
    add("the same, momentum", other);
    other.update = UpdateKind::adam;
    add("the same, Adam", other);
    other.update = UpdateKind::sgd;
    other.estimator = EstimatorKind::forward_gradient;
    add("forward gradient", other);
    other.estimator = EstimatorKind::first_order;
    add("back-propagation, SGD", other);
    other.update = UpdateKind::adam;
    add("back-propagation, Adam", other);
    return table.text();
}

}  // namespace finetune
