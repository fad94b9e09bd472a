#include "classify.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <utility>

namespace finetune {

Prompt::Prompt(std::string_view pattern) {
    const std::size_t place = pattern.find("{}");
    if (place == std::string_view::npos) {
        after_ = pattern;
    } else {
        before_ = pattern.substr(0, place);
        after_ = pattern.substr(place + 2);
    }
}

std::string Prompt::fill(std::string_view sentence) const { return before_ + std::string(sentence) + after_; }

void LabelledSentences::reserve(std::size_t sentences) {
    ends_.reserve(sentences);
    labels_.reserve(sentences);
}

void LabelledSentences::add(std::span<const int> tokens, std::size_t label) {
    // As many more as all will have, at the rate so far, and a little: doubling would take twice the memory for a moment, and keep it.
    if (tokens_.size() + tokens.size() > tokens_.capacity() && size() >= 64) {
        const double each = static_cast<double>(tokens_.size()) / static_cast<double>(size());
        const auto all = static_cast<std::size_t>(1.02 * each * static_cast<double>(std::max(ends_.capacity(), size() + 1)));
        tokens_.reserve(std::max({tokens_.size() + tokens.size(), all, tokens_.capacity() + tokens_.capacity() / 8}));
    }
    tokens_.insert(tokens_.end(), tokens.begin(), tokens.end());
    ends_.push_back(tokens_.size());
    labels_.push_back(label);
}

LabelledSentences::Example LabelledSentences::operator[](std::size_t index) const {
    const std::size_t begin = index == 0 ? 0 : ends_[index - 1];
    return {std::span(tokens_).subspan(begin, ends_[index] - begin), labels_[index]};
}

LabelledSentences LabelledSentences::split_off(std::size_t first) {
    LabelledSentences rest;
    rest.reserve(size() - first);
    for (std::size_t i = first; i < size(); ++i) rest.add((*this)[i].tokens, (*this)[i].label);
    labels_.resize(first);
    ends_.resize(first);
    tokens_.resize(first == 0 ? 0 : ends_.back());
    return rest;
}

Verbalizer::Verbalizer(const llama::Tokenizer& tokenizer, const std::vector<std::string>& words) {
    for (const std::string& word : words) {
        words_.push_back(tokenizer.encode(word));  // with a space in front: it follows a text
        longest_ = std::max(longest_, words_.back().size());
        for (std::size_t other = 0; other + 1 < words_.size(); ++other) {
            if (words_[other] == words_.back()) throw std::invalid_argument("--verbalizer: labels " + std::to_string(other) + " and " +
                                                                            std::to_string(words_.size() - 1) + " have the same word, \"" + word + "\"");
        }
    }
}

LabelledSentences read_sentences(const LabelledTable& table, const llama::Tokenizer& tokenizer, const Prompt& prompt, const Verbalizer& verbalizer,
                                 std::size_t length) {
    if (length < verbalizer.longest() + 1) {
        throw std::invalid_argument("--length: " + std::to_string(length) + " leaves no room beside the verbalizer's longest word, " +
                                    std::to_string(verbalizer.longest()) + " tokens");
    }
    const std::size_t room = length - verbalizer.longest();
    LabelledSentences sentences;
    sentences.reserve(table.rows());
    table.each([&](std::string_view sentence, std::size_t label) {
        std::vector<int> tokens = tokenizer.encode(prompt.fill(sentence), {.start = true});
        if (tokens.size() > room) tokens.erase(tokens.begin() + 1, tokens.end() - static_cast<std::ptrdiff_t>(room - 1));
        sentences.add(tokens, label);
        return true;
    });
    return sentences;
}

ClassifyTask::ClassifyTask(const llama::Model<float>& model, int threads, Verbalizer verbalizer, LabelledSentences train, LabelledSentences eval,
                           Shape shape, std::uint64_t seed)
    : forward_(model, threads), passes_(model, threads), verbalizer_(std::move(verbalizer)), train_(std::move(train)), eval_(std::move(eval)),
      shape_(shape), numbers_(seed) {
    const std::size_t sequences = shape.batch * verbalizer_.size();
    tokens_.reserve(sequences * shape.length);  // sequences_ points into it: it must not move
    labels_.reserve(shape.batch);
    sequences_.reserve(sequences);
    sums_.reserve(sequences);
}

void ClassifyTask::draw(std::uint64_t step) {
    clear();
    for (std::size_t place = 0; place < shape_.batch; ++place) put(train_[numbers_(step, place, train_.size())]);
}

double ClassifyTask::loss_and_gradient(const llama::Gradients<float>& gradients) {
    const double loss = this->loss();
    const auto examples = static_cast<double>(labels_.size());
    // d loss / d score of a label = (its probability, less 1 if it is right) / examples; a score is a negative log-likelihood's negative.
    for (std::size_t i = 0; i < labels_.size(); ++i) {
        const std::span<double> scores = std::span(sums_).subspan(i * verbalizer_.size(), verbalizer_.size());
        to_probabilities(scores);
        scores[labels_[i]] -= 1;
        for (double& value : scores) value /= -examples;
    }
    passes_.backward().loss_and_gradient(sequences_, sums_, gradients);
    return loss;
}

zeroth::DirectionalLoss ClassifyTask::loss_along(const llama::Tangents<float>& tangents) {
    sums_.resize(sequences_.size());
    derivatives_.resize(sequences_.size());
    passes_.forward_mode().log_probabilities(sequences_, tangents, sums_, derivatives_);
    const auto examples = static_cast<double>(labels_.size());
    zeroth::DirectionalLoss result{scored().loss / examples, 0};
    for (std::size_t i = 0; i < labels_.size(); ++i) {
        const std::span<double> scores = std::span(sums_).subspan(i * verbalizer_.size(), verbalizer_.size());
        to_probabilities(scores);
        for (std::size_t label = 0; label < scores.size(); ++label) {
            result.derivative += (scores[label] - (label == labels_[i] ? 1 : 0)) * derivatives_[i * verbalizer_.size() + label] / examples;
        }
    }
    return result;
}

double ClassifyTask::loss() { return score().loss / static_cast<double>(labels_.size()); }

Evaluation ClassifyTask::evaluate() {
    Score total;
    for (std::size_t begin = 0; begin < eval_.size(); begin += shape_.batch) {
        clear();
        for (std::size_t i = begin; i < std::min(begin + shape_.batch, eval_.size()); ++i) put(eval_[i]);
        const Score part = score();
        total.loss += part.loss;
        total.right += part.right;
    }
    const auto count = static_cast<double>(eval_.size());
    return {total.loss / count, static_cast<double>(total.right) / count};
}

void ClassifyTask::clear() {
    forward_.forget();
    tokens_.clear();
    labels_.clear();
    sequences_.clear();
}

void ClassifyTask::put(const LabelledSentences::Example& example) {
    labels_.push_back(example.label);
    for (std::size_t label = 0; label < verbalizer_.size(); ++label) {
        const std::span<const int> word = verbalizer_[label];
        const std::size_t begin = tokens_.size();
        tokens_.insert(tokens_.end(), example.tokens.begin(), example.tokens.end());
        tokens_.insert(tokens_.end(), word.begin(), word.end());
        sequences_.push_back({std::span(tokens_).subspan(begin), static_cast<int>(example.tokens.size())});
    }
}

ClassifyTask::Score ClassifyTask::score() {
    sums_.resize(sequences_.size());
    forward_.log_probabilities(sequences_, sums_);
    return scored();
}

ClassifyTask::Score ClassifyTask::scored() const {
    Score score;
    for (std::size_t i = 0; i < labels_.size(); ++i) {
        const std::span<const double> scores = std::span(sums_).subspan(i * verbalizer_.size(), verbalizer_.size());
        const auto best = std::max_element(scores.begin(), scores.end());
        double sum = 0;
        for (const double value : scores) sum += std::exp(value - *best);
        score.loss += *best + std::log(sum) - scores[labels_[i]];
        score.right += static_cast<std::size_t>(best - scores.begin()) == labels_[i] ? 1 : 0;
    }
    return score;
}

void ClassifyTask::to_probabilities(std::span<double> scores) {
    const double best = *std::max_element(scores.begin(), scores.end());
    double sum = 0;
    for (const double value : scores) sum += std::exp(value - best);
    for (double& value : scores) value = std::exp(value - best) / sum;
}

}  // namespace finetune
