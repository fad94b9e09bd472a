#include "text.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

namespace finetune {
namespace {

constexpr std::string_view end_of_document = "<|endoftext|>";

std::string_view stripped(std::string_view text) {
    constexpr std::string_view blank = " \t\r\n";
    const std::size_t begin = text.find_first_not_of(blank);
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(blank) - begin + 1);
}

template <class Visit>
void for_each_document(std::string_view text, Visit visit) {
    for (std::size_t begin = 0; begin < text.size();) {
        const std::size_t end = std::min(text.find(end_of_document, begin), text.size());
        const std::string_view document = stripped(text.substr(begin, end - begin));
        if (!document.empty()) visit(document);
        begin = end + end_of_document.size();
    }
}

}  // namespace

void Chunks::add_even(std::vector<int> tokens, std::size_t length) {
    const std::size_t begin = tokens_.size(), count = tokens.size() / length;
    tokens.resize(count * length);
    if (begin == 0) {
        tokens_ = std::move(tokens);  // not twice in memory
    } else {
        tokens_.insert(tokens_.end(), tokens.begin(), tokens.end());
    }
    places_.reserve(places_.size() + count);
    for (std::size_t i = 0; i < count; ++i) places_.push_back({begin + i * length, length});
}

void Chunks::add_document(const std::vector<int>& tokens, std::size_t length) {
    const std::size_t base = tokens_.size();
    tokens_.insert(tokens_.end(), tokens.begin(), tokens.end());
    for (std::size_t begin = 0; begin + 1 < tokens.size(); begin += length) {
        places_.push_back({base + begin, std::min(length + 1, tokens.size() - begin)});
    }
}

std::vector<llama::Sequence> Chunks::sequences() const {
    std::vector<llama::Sequence> result;
    result.reserve(places_.size());
    for (const Place& place : places_) result.push_back({std::span(tokens_).subspan(place.begin, place.size), 1});
    return result;
}

TextTask::TextTask(const llama::Model<float>& model, int threads, std::vector<int> train, Chunks eval, Shape shape, std::uint64_t seed)
    : forward_(model, threads), passes_(model, threads), train_(std::move(train)), chunks_(std::move(eval)), eval_(chunks_.sequences()), shape_(shape), numbers_(seed) {
    batch_.reserve(shape.batch);
    sums_.resize(std::min(shape.batch, eval_.size()));
}

void TextTask::draw(std::uint64_t step) {
    forward_.forget();
    const std::size_t window = shape_.length + 1;
    batch_.clear();
    for (std::size_t place = 0; place < shape_.batch; ++place) {
        const std::size_t begin = numbers_(step, place, train_.size() - shape_.length);
        batch_.push_back({std::span(train_).subspan(begin, window), 1});
    }
}

double TextTask::loss_and_gradient(const llama::Gradients<float>& gradients) { return passes_.backward().loss_and_gradient(batch_, gradients); }

zeroth::DirectionalLoss TextTask::loss_along(const llama::Tangents<float>& tangents) {
    likelihoods_.resize(batch_.size());
    derivatives_.resize(batch_.size());
    passes_.forward_mode().log_probabilities(batch_, tangents, likelihoods_, derivatives_);
    double targets = 0;
    for (const llama::Sequence& sequence : batch_) targets += static_cast<double>(sequence.targets());
    const auto mean = [&](const std::vector<double>& values) { return -std::accumulate(values.begin(), values.end(), 0.0) / targets; };
    return {mean(likelihoods_), mean(derivatives_)};
}

Evaluation TextTask::evaluate() {
    double total = 0;
    for (std::size_t begin = 0; begin < eval_.size(); begin += shape_.batch) {
        const std::span<const llama::Sequence> part = std::span(eval_).subspan(begin, std::min(shape_.batch, eval_.size() - begin));
        forward_.forget();
        forward_.log_probabilities(part, std::span(sums_).first(part.size()));
        for (std::size_t i = 0; i < part.size(); ++i) total -= sums_[i] / static_cast<double>(part[i].targets());
    }
    return {total / static_cast<double>(eval_.size()), std::nullopt};
}

std::vector<int> encode_stream(const llama::Tokenizer& tokenizer, std::string_view text) {
    if (text.find(end_of_document) == std::string_view::npos) return tokenizer.encode(text);
    std::vector<int> tokens;
    for_each_document(text, [&](std::string_view document) { tokenizer.append(tokens, document, {.start = true}); });
    return tokens;
}

std::vector<std::vector<int>> encode_documents(const llama::Tokenizer& tokenizer, std::string_view text) {
    std::vector<std::vector<int>> documents;
    for_each_document(text, [&](std::string_view document) { documents.push_back(tokenizer.encode(document, {.start = true})); });
    return documents;
}

std::size_t character_boundary(std::string_view text, std::size_t bytes) {
    if (bytes >= text.size()) return text.size();
    while (bytes > 0 && (static_cast<unsigned char>(text[bytes]) & 0xC0) == 0x80) --bytes;
    return bytes;
}

}  // namespace finetune
