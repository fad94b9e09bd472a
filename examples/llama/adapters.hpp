#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>

#include "generator.hpp"
#include "model.hpp"

namespace llama {

/// Gives the model the adapters, ready to be trained, so that at first it computes what it did, but for what virtual tokens say to it:
///
/// LoRA: a uniform in +-1 / sqrt(dim), Kaiming's with slope sqrt(5), and b zero. Prefix: the keys and values of each layer as the model reads
/// `tokens`. Prompt: the embeddings of `tokens`. (Random ones are much worse for zeroth-order training; Zhang et al., arXiv 2402.11592.)
///
/// Throws std::invalid_argument if the adapters do not fit the model, or there are fewer tokens than the prefix or the prompt has.
template <class Scalar>
void add_adapters(Model<Scalar>& model, const Adapters& adapters, std::span<const int> tokens, std::uint64_t seed) {
    adapters.validate(model.config());
    const auto needed = static_cast<std::size_t>(std::max(adapters.prefix, adapters.prompt));
    if (tokens.size() < needed) {
        throw std::invalid_argument(std::to_string(tokens.size()) + " tokens are too few to begin from, fewer than " + std::to_string(needed));
    }
    const Config& config = model.config();
    model.set_adapters({});
    Generator<Scalar> reader(model, std::max(adapters.prefix, 1));
    for (int i = 0; i < adapters.prefix; ++i) reader.step(tokens[static_cast<std::size_t>(i)]);
    model.set_adapters(adapters);

    std::mt19937_64 bits(seed);
    const double bound = 1 / std::sqrt(static_cast<double>(config.dim));
    for (int index = 0; index < config.layers; ++index) {
        const Layer<Scalar> layer = model.layer(index);
        for (const std::span<Scalar> a : {layer.lora_aq, layer.lora_av}) {
            // By hand: the standard's uniform_real_distribution differs between libraries.
            for (Scalar& value : a) value = static_cast<Scalar>(bound * (static_cast<double>(bits() >> 11) * 0x1p-52 - 1));
        }
        if (adapters.prefix == 0) continue;
        WeightsOut<Scalar>(layer.prefix_keys.data(), adapters.prefix, config.kv_dim()) = reader.keys(index).transpose();
        WeightsOut<Scalar>(layer.prefix_values.data(), adapters.prefix, config.kv_dim()) = reader.values(index).transpose();
    }
    const auto embedding = weights<Scalar>(std::as_const(model).token_embedding(), config.vocab, config.dim);
    WeightsOut<Scalar> prompt(model.prompt().data(), adapters.prompt, config.dim);
    for (int i = 0; i < adapters.prompt; ++i) prompt.row(i) = embedding.row(tokens[static_cast<std::size_t>(i)]);
}

/// target += alpha / rank * b a, for a matrix of `target` of the shape of b a. Nothing where there is no a.
template <class Scalar>
void add_product(std::span<Scalar> target, std::span<const Scalar> a, std::span<const Scalar> b, const Adapters& adapters) {
    if (a.empty()) return;
    const auto rank = static_cast<std::size_t>(adapters.rank);
    const auto rows = static_cast<int>(b.size() / rank), columns = static_cast<int>(a.size() / rank);
    WeightsOut<Scalar>(target.data(), rows, columns) +=
        static_cast<Scalar>(adapters.scale()) * (weights(b, rows, adapters.rank) * weights(a, adapters.rank, columns)).eval();
}

/// Adds LoRA's products to the weights they belong to, W += alpha / rank * B A, and takes the adapters away.
/// Throws std::invalid_argument if the model has a prefix or a prompt, which no weights can take in.
template <class Scalar>
void merge_lora(Model<Scalar>& model) {
    const Adapters adapters = model.adapters();
    if (adapters.virtual_tokens() != 0) throw std::invalid_argument("a prefix or a prompt cannot be merged into the weights");
    for (int index = 0; index < model.config().layers; ++index) {
        const Layer<Scalar> layer = model.layer(index);
        add_product<Scalar>(layer.wq, layer.lora_aq, layer.lora_bq, adapters);
        add_product<Scalar>(layer.wv, layer.lora_av, layer.lora_bv, adapters);
    }
    model.set_adapters({});
}

}  // namespace llama
