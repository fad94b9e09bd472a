#pragma once

#include <cstddef>
#include <stdexcept>
#include <string>

namespace llama {

/// The shape of a Llama-architecture decoder. `tied`: the classifier is the token embedding.
struct Config {
    int dim = 0;       ///< width of the residual stream; a multiple of heads, with an even width a head
    int hidden = 0;    ///< width of the feed-forward layer
    int layers = 0;
    int heads = 0;     ///< query heads
    int kv_heads = 0;  ///< key and value heads; divides heads
    int vocab = 0;     ///< number of tokens
    int sequence = 0;  ///< most tokens the model reads at once
    bool tied = true;

    int head_size() const { return dim / heads; }
    int kv_dim() const { return kv_heads * head_size(); }

    /// Number of weights. The limits that validate() checks keep it under 2^56.
    std::size_t parameters() const {
        const auto wide = [](int value) { return static_cast<std::size_t>(value); };
        const std::size_t attention = 2 * wide(dim) * wide(dim) + 2 * wide(dim) * wide(kv_dim());
        const std::size_t feed_forward = 3 * wide(dim) * wide(hidden);
        const std::size_t embeddings = (tied ? 1 : 2) * wide(vocab) * wide(dim);
        return embeddings + wide(layers) * (attention + feed_forward + 2 * wide(dim)) + wide(dim);
    }

    /// Throws std::invalid_argument naming the first value that no model can have.
    void validate() const {
        const auto within = [](const char* name, int value, int most) {
            if (value < 1 || value > most) {
                throw std::invalid_argument(std::string(name) + " is " + std::to_string(value) + ", outside 1.." + std::to_string(most));
            }
        };
        within("dim", dim, 1 << 16);
        within("hidden", hidden, 1 << 20);
        within("layers", layers, 1 << 10);
        within("heads", heads, dim);
        within("kv_heads", kv_heads, heads);
        within("vocab", vocab, 1 << 24);
        within("sequence", sequence, 1 << 20);
        const auto divides = [](const char* part, int divisor, const char* whole, int value) {
            if (value % divisor != 0) {
                throw std::invalid_argument(std::string(whole) + " is " + std::to_string(value) + ", not a multiple of " + part + ", " +
                                            std::to_string(divisor));
            }
        };
        divides("heads", heads, "dim", dim);
        divides("kv_heads", kv_heads, "heads", heads);
        if (head_size() % 2 != 0) throw std::invalid_argument("the head size, dim / heads, is " + std::to_string(head_size()) + ", not even");
    }

    bool operator==(const Config&) const = default;
};

/// What is added to a model to be trained in place of its own weights. Nothing unless it is asked for.
///
/// LoRA (Hu et al., arXiv 2106.09685): query and value matrices become W + alpha / rank * B A. Prefix (Li and Liang, arXiv 2101.00190):
/// keys and values of each layer that stand before those of the text. Prompt (Lester et al., arXiv 2104.08691): embeddings that do.
struct Adapters {
    int rank = 0;  ///< of LoRA's products
    double alpha = 16;
    int prefix = 0;  ///< pairs of a key and a value
    int prompt = 0;  ///< embeddings

    /// Positions that come before a text's first token: the prefix's, then the prompt's.
    int virtual_tokens() const { return prefix + prompt; }
    double scale() const { return rank == 0 ? 0 : alpha / rank; }

    /// Scalars beside a model's own.
    std::size_t parameters(const Config& config) const {
        const auto wide = [](int value) { return static_cast<std::size_t>(value); };
        const std::size_t lora = wide(rank) * (3 * wide(config.dim) + wide(config.kv_dim()));
        return wide(config.layers) * (lora + 2 * wide(prefix) * wide(config.kv_dim())) + wide(prompt) * wide(config.dim);
    }

    /// Throws std::invalid_argument naming the first value that is out of range.
    void validate(const Config& config) const {
        const auto within = [](const char* name, int value, int most) {
            if (value < 0 || value > most) {
                throw std::invalid_argument(std::string(name) + " is " + std::to_string(value) + ", outside 0.." + std::to_string(most));
            }
        };
        within("rank", rank, config.dim);
        within("prefix", prefix, config.sequence - 1);
        within("prompt", prompt, config.sequence - 1 - prefix);
    }

    bool operator==(const Adapters&) const = default;
};

}  // namespace llama
