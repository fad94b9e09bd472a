#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "config.hpp"

namespace llama {

/// A named view of one weight matrix, row-major: output by input. A norm's weights are one row.
template <class Scalar>
struct Tensor {
    std::string name;
    std::span<Scalar> values;
    std::size_t rows = 0;
    std::size_t columns = 0;
};

/// The weights of one decoder layer. Matrices are row-major [output, input].
template <class Scalar>
struct Layer {
    std::span<Scalar> attention_norm;  // [dim]
    std::span<Scalar> wq;              // [dim, dim]
    std::span<Scalar> wk;              // [kv_dim, dim]
    std::span<Scalar> wv;              // [kv_dim, dim]
    std::span<Scalar> wo;              // [dim, dim]
    std::span<Scalar> ffn_norm;        // [dim]
    std::span<Scalar> w1;              // [hidden, dim], the gate
    std::span<Scalar> w2;              // [dim, hidden], back to the residual stream
    std::span<Scalar> w3;              // [hidden, dim], the value that is gated
    // Adapters; empty where there are none.
    std::span<Scalar> lora_aq;         // [rank, dim]
    std::span<Scalar> lora_bq;         // [dim, rank]
    std::span<Scalar> lora_av;         // [rank, dim]
    std::span<Scalar> lora_bv;         // [kv_dim, rank]
    std::span<Scalar> prefix_keys;     // [prefix, kv_dim], turned by their positions already
    std::span<Scalar> prefix_values;   // [prefix, kv_dim]
};

/// A Llama-architecture decoder's weights, in one allocation, and its adapters, in another.
///
/// The weights lie in the order of llama2.c's legacy checkpoint: the token embedding, then each kind of tensor for all layers, the
/// final norm and, where it is not tied, the classifier. The same class holds gradients, which have the same shape. A move keeps the
/// addresses of the weights; a copy has its own.
template <class Scalar>
class Model {
public:
    /// All weights zero. Throws std::invalid_argument if the configuration is not a model's, or the adapters do not fit it.
    explicit Model(const Config& config, const Adapters& adapters = {})
        : config_((config.validate(), config)), values_(config.parameters(), Scalar(0)) {
        const auto dim = extent(config.dim), hidden = extent(config.hidden), kv_dim = extent(config.kv_dim());
        kinds_ = {{{"attention_norm", 1, dim},
                   {"wq", dim, dim},
                   {"wk", kv_dim, dim},
                   {"wv", kv_dim, dim},
                   {"wo", dim, dim},
                   {"ffn_norm", 1, dim},
                   {"w1", hidden, dim},
                   {"w2", dim, hidden},
                   {"w3", hidden, dim}}};
        std::size_t offset = extent(config.vocab) * dim;
        for (Kind& kind : kinds_) {
            kind.offset = offset;
            offset += extent(config.layers) * kind.rows * kind.columns;
        }
        final_norm_offset_ = offset;
        set_adapters(adapters);
    }

    /// The same weights in another scalar type.
    template <class Other>
    explicit Model(const Model<Other>& other) : Model(other.config(), other.adapters()) {
        for (std::size_t i = 0; i < values_.size(); ++i) values_[i] = static_cast<Scalar>(other.values()[i]);
        for (std::size_t i = 0; i < adapter_values_.size(); ++i) adapter_values_[i] = static_cast<Scalar>(other.adapter_values()[i]);
    }

    /// Takes other adapters, all zero, in place of those it has.
    void set_adapters(const Adapters& adapters) {
        adapters.validate(config_);
        const auto dim = extent(config_.dim), kv_dim = extent(config_.kv_dim()), rank = extent(adapters.rank), prefix = extent(adapters.prefix);
        adapter_kinds_ = {{{"lora_aq", rank, dim},
                           {"lora_bq", dim, rank},
                           {"lora_av", rank, dim},
                           {"lora_bv", kv_dim, rank},
                           {"prefix_keys", prefix, kv_dim},
                           {"prefix_values", prefix, kv_dim}}};
        std::size_t offset = 0;
        for (Kind& kind : adapter_kinds_) {
            kind.offset = offset;
            offset += extent(config_.layers) * kind.rows * kind.columns;
        }
        adapters_ = adapters;
        adapter_values_.assign(adapters.parameters(config_), Scalar(0));
        adapter_values_.shrink_to_fit();
    }

    /// Weights to train from: norms 1, matrices N(0, 0.02^2), those that write to the residual stream smaller by
    /// sqrt(2 * layers) (GPT-2's initialisation). The same seed gives the same weights.
    static Model random(const Config& config, std::uint64_t seed) {
        Model model(config);
        std::mt19937_64 bits(seed);
        const auto uniform = [&] { return (static_cast<double>(bits() >> 11) + 0.5) * 0x1p-53; };
        for (Tensor<Scalar>& tensor : model.tensors()) {
            const bool norm = tensor.name.ends_with("norm");
            const bool residual = tensor.name.ends_with("wo") || tensor.name.ends_with("w2");
            const double deviation = 0.02 / (residual ? std::sqrt(2.0 * config.layers) : 1.0);
            for (Scalar& value : tensor.values) {
                if (norm) {
                    value = Scalar(1);
                    continue;
                }
                // Box-Muller by hand: the standard's normal_distribution differs between libraries.
                const double radius = std::sqrt(-2 * std::log(uniform()));
                const double angle = 2 * std::numbers::pi * uniform();
                value = static_cast<Scalar>(deviation * radius * std::cos(angle));
            }
        }
        return model;
    }

    const Config& config() const { return config_; }
    const Adapters& adapters() const { return adapters_; }

    /// All weights, in the order of tensors().
    std::span<Scalar> values() { return values_; }
    std::span<const Scalar> values() const { return values_; }
    /// All adapters, in the order of adapter_tensors().
    std::span<Scalar> adapter_values() { return adapter_values_; }
    std::span<const Scalar> adapter_values() const { return adapter_values_; }

    /// "token_embedding", "layers.0.attention_norm", ..., "final_norm" and, if it is not tied, "classifier".
    std::vector<Tensor<Scalar>> tensors() { return named<Scalar>(values()); }
    std::vector<Tensor<const Scalar>> tensors() const { return named<const Scalar>(values()); }

    /// "layers.0.lora_aq", ..., "prompt": those that there are.
    std::vector<Tensor<Scalar>> adapter_tensors() { return named_adapters<Scalar>(adapter_values()); }
    std::vector<Tensor<const Scalar>> adapter_tensors() const { return named_adapters<const Scalar>(adapter_values()); }

    std::span<Scalar> token_embedding() { return values().first(embedding_size()); }
    std::span<const Scalar> token_embedding() const { return values().first(embedding_size()); }
    std::span<Scalar> final_norm() { return values().subspan(final_norm_offset_, extent(config_.dim)); }
    std::span<const Scalar> final_norm() const { return values().subspan(final_norm_offset_, extent(config_.dim)); }

    /// [vocab, dim]; the token embedding where it is tied.
    std::span<Scalar> classifier() { return config_.tied ? token_embedding() : values().last(embedding_size()); }
    std::span<const Scalar> classifier() const { return config_.tied ? token_embedding() : values().last(embedding_size()); }

    /// [prompt, dim]
    std::span<Scalar> prompt() { return adapter_values().last(prompt_size()); }
    std::span<const Scalar> prompt() const { return adapter_values().last(prompt_size()); }

    Layer<Scalar> layer(int index) { return layer_of<Scalar>(values(), adapter_values(), index); }
    Layer<const Scalar> layer(int index) const { return layer_of<const Scalar>(values(), adapter_values(), index); }

private:
    /// One kind of tensor that every layer has.
    struct Kind {
        const char* name = "";
        std::size_t rows = 0;
        std::size_t columns = 0;
        std::size_t offset = 0;  // of layer 0's; the layers follow one another
    };

    static std::size_t extent(int value) { return static_cast<std::size_t>(value); }
    std::size_t embedding_size() const { return extent(config_.vocab) * extent(config_.dim); }

    template <class Value>
    static std::span<Value> part(std::span<Value> values, const Kind& kind, int layer) {
        const std::size_t size = kind.rows * kind.columns;
        return values.subspan(kind.offset + extent(layer) * size, size);
    }

    std::size_t prompt_size() const { return extent(adapters_.prompt) * extent(config_.dim); }

    template <class Value>
    Layer<Value> layer_of(std::span<Value> values, std::span<Value> adapters, int index) const {
        const auto at = [&](std::size_t kind) { return part(values, kinds_[kind], index); };
        const auto added = [&](std::size_t kind) { return part(adapters, adapter_kinds_[kind], index); };
        return {at(0),    at(1),    at(2),    at(3),    at(4),    at(5),    at(6),   at(7),
                at(8),    added(0), added(1), added(2), added(3), added(4), added(5)};
    }

    template <class Value>
    std::vector<Tensor<Value>> named_adapters(std::span<Value> values) const {
        std::vector<Tensor<Value>> result;
        for (const Kind& kind : adapter_kinds_) {
            for (int index = 0; kind.rows * kind.columns != 0 && index < config_.layers; ++index) {
                result.push_back({"layers." + std::to_string(index) + "." + kind.name, part(values, kind, index), kind.rows, kind.columns});
            }
        }
        if (adapters_.prompt != 0) result.push_back({"prompt", values.last(prompt_size()), extent(adapters_.prompt), extent(config_.dim)});
        return result;
    }

    template <class Value>
    std::vector<Tensor<Value>> named(std::span<Value> values) const {
        const std::size_t vocab = extent(config_.vocab), dim = extent(config_.dim);
        std::vector<Tensor<Value>> result;
        result.push_back({"token_embedding", values.first(embedding_size()), vocab, dim});
        for (const Kind& kind : kinds_) {
            for (int index = 0; index < config_.layers; ++index) {
                result.push_back({"layers." + std::to_string(index) + "." + kind.name, part(values, kind, index), kind.rows, kind.columns});
            }
        }
        result.push_back({"final_norm", values.subspan(final_norm_offset_, dim), 1, dim});
        if (!config_.tied) result.push_back({"classifier", values.last(embedding_size()), vocab, dim});
        return result;
    }

    Config config_;
    std::vector<Scalar> values_;
    std::array<Kind, 9> kinds_;
    std::size_t final_norm_offset_ = 0;
    Adapters adapters_;
    std::vector<Scalar> adapter_values_;
    std::array<Kind, 6> adapter_kinds_;
};

}  // namespace llama
