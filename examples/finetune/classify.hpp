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
#include "table.hpp"
#include "task.hpp"

namespace finetune {

/// Puts a sentence into a prompt: in place of {}, in front of it if there is none.
class Prompt {
public:
    explicit Prompt(std::string_view pattern);

    std::string fill(std::string_view sentence) const;

private:
    std::string before_;
    std::string after_;
};

/// Sentences with labels, as tokens: the start token and the filled prompt, the last `length` less the longest word's tokens of them.
class LabelledSentences {
public:
    struct Example {
        std::span<const int> tokens;
        std::size_t label;
    };

    /// Memory for so many in all.
    void reserve(std::size_t sentences);
    void add(std::span<const int> tokens, std::size_t label);
    std::size_t size() const { return labels_.size(); }
    std::size_t bytes() const { return tokens_.capacity() * sizeof(int) + (ends_.capacity() + labels_.capacity()) * sizeof(std::size_t); }
    Example operator[](std::size_t index) const;
    /// Takes away the examples from `first` on, and returns them.
    LabelledSentences split_off(std::size_t first);

private:
    std::vector<int> tokens_;
    std::vector<std::size_t> ends_;
    std::vector<std::size_t> labels_;
};

/// The words that stand for the labels, as tokens that follow a filled prompt.
class Verbalizer {
public:
    /// Throws std::invalid_argument if two words have the same tokens.
    Verbalizer(const llama::Tokenizer& tokenizer, const std::vector<std::string>& words);

    std::size_t size() const { return words_.size(); }
    std::size_t longest() const { return longest_; }
    std::span<const int> operator[](std::size_t label) const { return words_[label]; }

private:
    std::vector<std::vector<int>> words_;
    std::size_t longest_ = 0;
};

/// The sentences of a table, cut to `length` tokens, from the left, the longest word of the verbalizer included. Throws std::invalid_argument if that leaves none.
LabelledSentences read_sentences(const LabelledTable& table, const llama::Tokenizer& tokenizer, const Prompt& prompt, const Verbalizer& verbalizer,
                                 std::size_t length);

/// The label of a sentence: each is scored by the log-probability of its word after the filled prompt. The loss is the mean
/// cross-entropy of the softmax over the labels' scores.
class ClassifyTask final : public Task {
public:
    struct Shape {
        std::size_t batch = 16;
        std::size_t length = 128;  ///< tokens of a sentence, its prompt and the longest word
    };

    /// `train` may be empty: then draw() and loss() must not be called. The model must outlive this.
    ClassifyTask(const llama::Model<float>& model, int threads, Verbalizer verbalizer, LabelledSentences train, LabelledSentences eval, Shape shape,
                 std::uint64_t seed);

    void draw(std::uint64_t step) override;
    double loss() override;
    double loss_and_gradient(const llama::Gradients<float>& gradients) override;
    zeroth::DirectionalLoss loss_along(const llama::Tangents<float>& tangents) override;
    Evaluation evaluate() override;

    void reuse_activations(bool reuse) override { forward_.keep_inputs(reuse); }
    void weights_changed(int layer) override { forward_.changed(layer); }
    std::size_t data_bytes() const override { return train_.bytes() + eval_.bytes(); }

private:
    /// Loss and hits summed over the examples that were put().
    struct Score {
        double loss = 0;
        std::size_t right = 0;
    };

    void clear();
    void put(const LabelledSentences::Example& example);
    Score score();
    /// From sums_, each label's score of each example.
    Score scored() const;
    /// The softmax over its labels' scores, in place of an example's scores.
    static void to_probabilities(std::span<double> scores);

    llama::Forward<float> forward_;
    Passes passes_;
    Verbalizer verbalizer_;
    LabelledSentences train_;
    LabelledSentences eval_;
    Shape shape_;
    BatchNumbers numbers_;
    std::vector<int> tokens_;  // of one batch: every sentence once with each word
    std::vector<std::size_t> labels_;
    std::vector<llama::Sequence> sequences_;
    std::vector<double> sums_, derivatives_;
};

}  // namespace finetune
