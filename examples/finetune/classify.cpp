#include "classify.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <stdexcept>
#include <utility>

#include <files/file_error.hpp>

#include "text_file.hpp"

namespace finetune {
namespace {

using files::FileError;

std::string_view without_trailing_blanks(std::string_view text) {
    const std::size_t last = text.find_last_not_of(" \t\r");
    return last == std::string_view::npos ? std::string_view() : text.substr(0, last + 1);
}

/// The last field of a line, without the spaces around it.
std::string_view label_field(std::string_view line, std::size_t tab) {
    std::string_view field = without_trailing_blanks(line.substr(tab + 1));
    const std::size_t begin = field.find_first_not_of(' ');
    return begin == std::string_view::npos ? std::string_view() : field.substr(begin);
}

}  // namespace

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

void LabelledSentences::add(std::span<const int> tokens, std::size_t label) {
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

LabelledSentences read_sentences(const std::string& path, const llama::Tokenizer& tokenizer, const Prompt& prompt, const Verbalizer& verbalizer,
                                 std::size_t length) {
    if (length < verbalizer.longest() + 1) {
        throw std::invalid_argument("--length: " + std::to_string(length) + " leaves no room beside the verbalizer's longest word, " +
                                    std::to_string(verbalizer.longest()) + " tokens");
    }
    const std::size_t room = length - verbalizer.longest();
    const std::string text = read_text(path);
    LabelledSentences sentences;
    std::size_t number = 0;
    for (std::size_t begin = 0; begin < text.size();) {
        const std::size_t end = std::min(text.find('\n', begin), text.size());
        const std::string_view line = std::string_view(text).substr(begin, end - begin);
        begin = end + 1;
        const std::string place = "line " + std::to_string(++number);
        if (without_trailing_blanks(line).empty()) continue;
        const std::size_t tab = line.rfind('\t');
        if (tab == std::string_view::npos) throw FileError(path, place, "has no label: a sentence, a tab and a label are expected");
        const std::string_view field = label_field(line, tab);
        if (number == 1 && field == "label") continue;
        if (field.empty()) throw FileError(path, place, "has no label after the tab");
        std::size_t label = 0;
        const auto [stop, error] = std::from_chars(field.data(), field.data() + field.size(), label);
        if (error != std::errc() || stop != field.data() + field.size() || label >= verbalizer.size()) {
            throw FileError(path, place, "label \"" + std::string(field) + "\" is not a whole number from 0 to " + std::to_string(verbalizer.size() - 1));
        }
        const std::string_view sentence = without_trailing_blanks(line.substr(0, tab));
        if (sentence.empty()) throw FileError(path, place, "has no sentence before the tab");
        std::vector<int> tokens = tokenizer.encode(prompt.fill(sentence), {.start = true});
        if (tokens.size() > room) tokens.erase(tokens.begin() + 1, tokens.end() - static_cast<std::ptrdiff_t>(room - 1));
        sentences.add(tokens, label);
    }
    if (sentences.size() == 0) throw FileError(path, "line 1", "the file has no sentence");
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
