#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>
#include <span>
#include <stdexcept>
#include <vector>

#include "generator.hpp"
#include "tokenizer.hpp"

namespace llama {

struct GenerateSettings {
    int tokens = 256;         ///< tokens to add at most; the model's sequence may end it earlier
    double temperature = 0;   ///< 0: always the likeliest token, the first of equals
    std::uint64_t seed = 0;   ///< of the sampling; no meaning at temperature 0
};

/// Index of a token drawn from softmax(logits / temperature) by a number in [0, 1), without overflow.
template <class Scalar>
int sample(std::span<const Scalar> logits, double temperature, double uniform) {
    const auto likeliest = std::max_element(logits.begin(), logits.end());
    if (temperature == 0) return static_cast<int>(likeliest - logits.begin());
    const auto weight = [&](Scalar logit) { return std::exp((static_cast<double>(logit) - static_cast<double>(*likeliest)) / temperature); };
    double sum = 0;
    for (const Scalar logit : logits) sum += weight(logit);
    double left = uniform * sum;
    for (std::size_t token = 0; token < logits.size(); ++token) {
        left -= weight(logits[token]);
        if (left < 0) return static_cast<int>(token);
    }
    return static_cast<int>(likeliest - logits.begin());  // rounding left a trace
}

/// The tokens that follow `prompt` (which begins with the start token as a rule), up to the first start or end token, which is not
/// among them. Throws std::invalid_argument if the prompt is empty or does not fit the model, or the temperature is negative or not finite.
template <class Scalar>
std::vector<int> generate(Generator<Scalar>& generator, std::span<const int> prompt, const GenerateSettings& settings) {
    if (prompt.empty()) throw std::invalid_argument("the prompt is empty");
    if (!(settings.temperature >= 0) || !std::isfinite(settings.temperature)) throw std::invalid_argument("the temperature is not in [0, infinity)");
    generator.reset();
    std::mt19937_64 bits(settings.seed);
    std::span<const Scalar> logits;
    for (const int token : prompt) logits = generator.step(token);
    std::vector<int> tokens;
    while (static_cast<int>(tokens.size()) < settings.tokens) {
        const int token = sample(logits, settings.temperature, static_cast<double>(bits() >> 11) * 0x1p-53);
        if (token == Tokenizer::start || token == Tokenizer::end) break;
        tokens.push_back(token);
        if (generator.full()) break;
        logits = generator.step(token);
    }
    return tokens;
}

}  // namespace llama
