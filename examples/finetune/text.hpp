#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <llama/forward.hpp>
#include <llama/model.hpp>
#include <llama/tokenizer.hpp>

#include "passes.hpp"
#include "task.hpp"

namespace finetune {

/// Sequences to evaluate on, over tokens of their own.
class Chunks {
public:
    /// Cuts tokens into consecutive chunks of `length`; an incomplete last one is left out.
    void add_even(std::vector<int> tokens, std::size_t length);
    /// Cuts tokens into chunks of at most `length`, which also read the token before them: so every token but the first counts once.
    void add_document(const std::vector<int>& tokens, std::size_t length);

    /// Valid until the next chunk is added.
    std::vector<llama::Sequence> sequences() const;
    std::size_t size() const { return places_.size(); }
    std::size_t bytes() const { return tokens_.capacity() * sizeof(int) + places_.capacity() * (sizeof(Place) + sizeof(llama::Sequence)); }

private:
    struct Place {
        std::size_t begin;
        std::size_t size;
    };

    std::vector<int> tokens_;
    std::vector<Place> places_;
};

/// The next token of a text. A training batch is windows of the training tokens at random places.
class TextTask final : public Task {
public:
    struct Shape {
        std::size_t batch = 16;
        std::size_t length = 128;  ///< targets of a window
    };

    /// `train` may be empty: then draw() and loss() must not be called. The model must outlive this.
    TextTask(const llama::Model<float>& model, int threads, std::vector<int> train, Chunks eval, Shape shape, std::uint64_t seed);

    void draw(std::uint64_t step) override;
    double loss() override { return forward_.loss(batch_); }
    double loss_and_gradient(const llama::Gradients<float>& gradients) override;
    zeroth::DirectionalLoss loss_along(const llama::Tangents<float>& tangents) override;
    /// The mean over chunks of their mean negative log-likelihood a token, in nats.
    Evaluation evaluate() override;

    void reuse_activations(bool reuse) override { forward_.keep_inputs(reuse); }
    void weights_changed(int layer) override { forward_.changed(layer); }
    std::size_t data_bytes() const override { return train_.capacity() * sizeof(int) + chunks_.bytes(); }

    /// The drawn batch.
    std::span<const llama::Sequence> batch() const { return batch_; }

private:
    llama::Forward<float> forward_;
    Passes passes_;
    std::vector<int> train_;
    Chunks chunks_;
    std::vector<llama::Sequence> eval_;
    std::vector<llama::Sequence> batch_;
    std::vector<double> sums_, likelihoods_, derivatives_;
    Shape shape_;
    BatchNumbers numbers_;
};

/// The tokens of a text: documents, which a line <|endoftext|> ends, each begin with the start token. A text without such a line
/// is one stream and begins without one.
std::vector<int> encode_stream(const llama::Tokenizer& tokenizer, std::string_view text);

/// The tokens of each document, with the start token.
std::vector<std::vector<int>> encode_documents(const llama::Tokenizer& tokenizer, std::string_view text);

/// The largest number of bytes up to `bytes` that ends between two characters of a UTF-8 text.
std::size_t character_boundary(std::string_view text, std::size_t bytes);

}  // namespace finetune
