#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model.hpp"

namespace llama {

/// Where gradients are written: views of the caller's memory, empty where a gradient is not wanted. Back-propagation ends at the lowest
/// layer that has one.
template <class Scalar>
class Gradients {
public:
    std::span<Scalar> token_embedding;
    std::span<Scalar> final_norm;
    std::span<Scalar> prompt;
    std::vector<Layer<Scalar>> layers;

    /// None for a model of this shape.
    explicit Gradients(const Config& config) : layers(static_cast<std::size_t>(config.layers)), tied_(config.tied) {}

    /// Of all weights and adapters, into a model's memory.
    Gradients(Model<Scalar>& memory) : Gradients(memory.config()) {
        for (const auto& tensor : memory.tensors()) static_cast<void>(set(tensor.name, tensor.values));
        for (const auto& tensor : memory.adapter_tensors()) static_cast<void>(set(tensor.name, tensor.values));
    }

    /// The gradient of the tensor of this name, as Model::tensors() and adapter_tensors() name them; false if there is none.
    [[nodiscard]] bool set(std::string_view name, std::span<Scalar> values) {
        bool found = false;
        each_named([&](const std::string& other, std::span<Scalar>& target) {
            if (other != name) return;
            target = values;
            found = true;
        });
        return found;
    }

    /// [vocab, dim]; that of the token embedding where it is tied.
    std::span<Scalar> classifier() const { return tied_ ? token_embedding : classifier_; }

    /// The first layer to differentiate: -1 if also what lies under it, the number of layers if none.
    int lowest() const {
        if (!token_embedding.empty() || !prompt.empty()) return -1;
        const auto wanted = [](const Layer<Scalar>& layer) {
            return std::any_of(members.begin(), members.end(), [&](const auto& member) { return !(layer.*member.second).empty(); });
        };
        return static_cast<int>(std::find_if(layers.begin(), layers.end(), wanted) - layers.begin());
    }

    /// visit(span) for each gradient that is wanted.
    template <class Visit>
    void each(Visit visit) {
        each_named([&](const std::string&, std::span<Scalar>& values) {
            if (!values.empty()) visit(values);
        });
    }

    /// The same gradients in other memory, which grows to what they need.
    Gradients in(std::vector<Scalar>& memory) const {
        Gradients result = *this;
        std::size_t size = 0;
        result.each([&](std::span<Scalar>& values) { size += values.size(); });
        if (memory.size() < size) memory.resize(size);
        std::size_t begin = 0;
        result.each([&](std::span<Scalar>& values) {
            values = std::span(memory).subspan(begin, values.size());
            begin += values.size();
        });
        return result;
    }

    /// Whether every gradient that is wanted has its tensor's size.
    bool fit(const Model<Scalar>& model) {
        if (layers.size() != static_cast<std::size_t>(model.config().layers) || tied_ != model.config().tied) return false;
        bool fits = true;
        const auto check = [&](const auto& tensors) {
            for (const auto& tensor : tensors) {
                each_named([&](const std::string& name, std::span<Scalar>& values) {
                    if (name == tensor.name && !values.empty()) fits = fits && values.size() == tensor.values.size();
                });
            }
        };
        check(model.tensors());
        check(model.adapter_tensors());
        return fits;
    }

private:
    using Member = std::pair<const char*, std::span<Scalar> Layer<Scalar>::*>;
    static constexpr std::array<Member, 15> members = {{{"attention_norm", &Layer<Scalar>::attention_norm},
                                                        {"wq", &Layer<Scalar>::wq},
                                                        {"wk", &Layer<Scalar>::wk},
                                                        {"wv", &Layer<Scalar>::wv},
                                                        {"wo", &Layer<Scalar>::wo},
                                                        {"ffn_norm", &Layer<Scalar>::ffn_norm},
                                                        {"w1", &Layer<Scalar>::w1},
                                                        {"w2", &Layer<Scalar>::w2},
                                                        {"w3", &Layer<Scalar>::w3},
                                                        {"lora_aq", &Layer<Scalar>::lora_aq},
                                                        {"lora_bq", &Layer<Scalar>::lora_bq},
                                                        {"lora_av", &Layer<Scalar>::lora_av},
                                                        {"lora_bv", &Layer<Scalar>::lora_bv},
                                                        {"prefix_keys", &Layer<Scalar>::prefix_keys},
                                                        {"prefix_values", &Layer<Scalar>::prefix_values}}};

    template <class Visit>
    void each_named(Visit visit) {
        visit("token_embedding", token_embedding);
        for (std::size_t index = 0; index < layers.size(); ++index) {
            for (const auto& [kind, member] : members) visit("layers." + std::to_string(index) + "." + kind, layers[index].*member);
        }
        visit("final_norm", final_norm);
        if (!tied_) visit("classifier", classifier_);
        visit("prompt", prompt);
    }

    std::span<Scalar> classifier_;
    bool tied_ = true;
};

}  // namespace llama
