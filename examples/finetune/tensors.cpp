#include "tensors.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include <program/values.hpp>
#include <zeroth/parameters/partition.hpp>

namespace finetune {

zeroth::Parameters parameters_of(llama::Model<float>& model, Scheme scheme) {
    const std::string_view head = model.config().tied ? "token_embedding" : "classifier";
    const bool own = scheme == Scheme::full || scheme == Scheme::head;
    zeroth::Parameters parameters;
    for (const llama::Tensor<float>& tensor : own ? model.tensors() : model.adapter_tensors()) {
        if (scheme == Scheme::head && tensor.name != head && tensor.name != "final_norm") continue;
        parameters.add(tensor.name, tensor.values, {.rows = tensor.rows, .columns = tensor.columns});
    }
    return parameters;
}

int layer_of(std::string_view name, const llama::Config& config) {
    if (name == "token_embedding" || name == "prompt") return -1;
    if (!name.starts_with("layers.")) return config.layers;
    return std::stoi(std::string(name.substr(7)));
}

std::pair<zeroth::Parameters, zeroth::Parameters> split_for_hybrid(const zeroth::Parameters& parameters, int layers, const llama::Config& config) {
    if (layers == 0) return {parameters, {}};
    const auto above = [&](const zeroth::Block& block) { return layer_of(block.name, config) >= config.layers - layers; };
    return {zeroth::selected(parameters, [&](const zeroth::Block& block) { return !above(block); }), zeroth::selected(parameters, above)};
}

bool projects(const Method& method, const zeroth::Block& block) {
    if (method.projection.interval == 0) return false;
    const std::vector<std::string> patterns = program::split("--dizo-blocks", method.projection.blocks);
    return std::ranges::any_of(patterns, [&](const std::string& pattern) { return zeroth::matches(pattern, block.name); });
}

}  // namespace finetune
