#include "adapter_file.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include <files/safetensors.hpp>
#include <report/format.hpp>

namespace finetune {

using files::FileError;

void write_adapters(const std::filesystem::path& path, const llama::Model<float>& model) {
    std::vector<files::TensorView> tensors;
    for (const auto& tensor : model.adapter_tensors()) tensors.push_back({tensor.name, tensor.rows, tensor.columns, tensor.values});
    std::map<std::string, std::string> metadata{{"format", "zeroth finetune adapters"}};
    if (model.adapters().rank != 0) metadata["alpha"] = report::general(model.adapters().alpha, 17);
    files::write_safetensors(path, tensors, metadata);
}

void read_adapters(const std::filesystem::path& path, llama::Model<float>& model) {
    const files::Safetensors file = files::read_safetensors(path);
    const auto rows = [&](const char* name) {
        const auto* const tensor = file.find(name);
        return tensor == nullptr ? 0 : static_cast<int>(std::min<std::size_t>(tensor->rows, 1u << 24));
    };
    llama::Adapters adapters{.rank = rows("layers.0.lora_aq"), .prefix = rows("layers.0.prefix_keys"), .prompt = rows("prompt")};
    if (adapters == llama::Adapters{}) throw FileError(path, "", "holds neither LoRA's matrices nor a prefix nor a prompt");
    if (const auto alpha = file.metadata.find("alpha"); alpha != file.metadata.end()) {
        const std::string& text = alpha->second;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), adapters.alpha);
        if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(adapters.alpha)) throw FileError(path, "alpha", "is not a number");
    }
    // Before the memory is taken: a file of one layer's might ask for those of many.
    std::size_t found_scalars = 0;
    for (const auto& tensor : file.tensors) found_scalars += tensor.values.size();
    if (found_scalars != adapters.parameters(model.config())) {
        throw FileError(path, "", "holds " + std::to_string(found_scalars) + " numbers, not the " + std::to_string(adapters.parameters(model.config())) +
                                      " of such adapters of this model");
    }
    try {
        model.set_adapters(adapters);
    } catch (const std::invalid_argument& error) {
        throw FileError(path, "", std::string("does not fit the model: ") + error.what());
    }
    for (const auto& tensor : model.adapter_tensors()) {
        const auto* const found = file.find(tensor.name);
        const std::string place = "tensor " + tensor.name;
        if (found == nullptr) throw FileError(path, place, "is missing");
        if (found->rows != tensor.rows || found->columns != tensor.columns) {
            throw FileError(path, place, "is " + std::to_string(found->rows) + " x " + std::to_string(found->columns) + ", not the model's " +
                                             std::to_string(tensor.rows) + " x " + std::to_string(tensor.columns));
        }
        const auto bad = std::ranges::find_if(found->values, [](float value) { return !std::isfinite(value); });
        if (bad != found->values.end()) throw FileError(path, place, "element " + std::to_string(bad - found->values.begin()) + " is not finite");
        std::ranges::copy(found->values, tensor.values.begin());
    }
}

}  // namespace finetune
