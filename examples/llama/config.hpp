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

}  // namespace llama
