#include "tensors.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include <program/usage_error.hpp>
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

std::vector<std::pair<std::string, double>> pattern_factors(const std::string& scales) {
    std::vector<std::pair<std::string, double>> factors;
    for (const std::string& part : program::split("--scales", scales)) {
        const std::size_t sign = part.find('=');
        if (sign == 0 || sign == std::string::npos) throw program::UsageError("--scales", "\"" + part + "\" is not none, rms or PATTERN=FACTOR");
        factors.emplace_back(part.substr(0, sign), program::read_number("--scales", part.substr(sign + 1), true, "a factor of at least 0"));
    }
    return factors;
}

void require_fitting_scales(const zeroth::Parameters& parameters, const std::string& scales) {
    if (scales == "none" || scales == "rms") return;
    for (const auto& factor : pattern_factors(scales)) {
        const auto fits = [&factor](const zeroth::Block& block) { return zeroth::matches(factor.first, block.name); };
        if (std::ranges::none_of(parameters.blocks(), fits)) {
            throw program::UsageError("--scales", "\"" + factor.first + "\" fits no tensor that forward passes train");
        }
    }
}

}  // namespace finetune
