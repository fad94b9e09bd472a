#pragma once

#include <llama/batch.hpp>
#include <llama/model.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

/// The decoder as its formulas have it, in double, a number at a time: what the runtime's passes are held against.
class DenseModel {
public:
    explicit DenseModel(const llama::Model<double>& model) : model_(model) {}

    /// logits[t][token] after reading tokens[0..t].
    std::vector<std::vector<double>> logits(std::span<const int> tokens) const {
        const llama::Config& c = model_.config();
        const int head = c.head_size();
        std::vector<std::vector<double>> x;
        for (const int token : tokens) x.push_back(row(model_.token_embedding(), token, c.dim));
        for (int index = 0; index < c.layers; ++index) {
            const auto layer = model_.layer(index);
            std::vector<std::vector<double>> q, k, v;
            for (std::size_t t = 0; t < x.size(); ++t) {
                const std::vector<double> normalized = norm(x[t], layer.attention_norm);
                q.push_back(rotated(product(layer.wq, normalized), t));
                k.push_back(rotated(product(layer.wk, normalized), t));
                v.push_back(product(layer.wv, normalized));
            }
            for (std::size_t t = 0; t < x.size(); ++t) {
                std::vector<double> attention(x[t].size());
                for (int h = 0; h < c.heads; ++h) {
                    const int from = h / (c.heads / c.kv_heads) * head;
                    std::vector<double> scores(t + 1);
                    for (std::size_t s = 0; s <= t; ++s) {
                        for (int i = 0; i < head; ++i) scores[s] += at(q[t], h * head + i) * at(k[s], from + i) / std::sqrt(double(head));
                    }
                    const double sum = log_sum(scores);
                    for (std::size_t s = 0; s <= t; ++s) {
                        const double weight = std::exp(scores[s] - sum);
                        for (int i = 0; i < head; ++i) attention[static_cast<std::size_t>(h * head + i)] += weight * at(v[s], from + i);
                    }
                }
                add(x[t], product(layer.wo, attention));
                const std::vector<double> normalized = norm(x[t], layer.ffn_norm);
                std::vector<double> gate = product(layer.w1, normalized);
                const std::vector<double> up = product(layer.w3, normalized);
                for (std::size_t i = 0; i < gate.size(); ++i) gate[i] *= up[i] / (1 + std::exp(-gate[i]));
                add(x[t], product(layer.w2, gate));
            }
        }
        for (std::vector<double>& vector : x) vector = product(model_.classifier(), norm(vector, model_.final_norm()));
        return x;
    }

    /// Log-probability of a sequence's counted targets.
    double log_probability(const llama::Sequence& sequence) const {
        const auto all = logits(sequence.tokens.first(sequence.tokens.size() - 1));
        double result = 0;
        for (auto target = static_cast<std::size_t>(sequence.first_target); target < sequence.tokens.size(); ++target) {
            result += at(all[target - 1], sequence.tokens[target]) - log_sum(all[target - 1]);
        }
        return result;
    }

    double loss(std::span<const llama::Sequence> sequences) const {
        double sum = 0, targets = 0;
        for (const llama::Sequence& sequence : sequences) {
            sum -= log_probability(sequence);
            targets += static_cast<double>(sequence.targets());
        }
        return sum / targets;
    }

private:
    /// log(sum of exp(values)), for values of any size.
    static double log_sum(const std::vector<double>& values) {
        const double largest = *std::ranges::max_element(values);
        double sum = 0;
        for (const double value : values) sum += std::exp(value - largest);
        return largest + std::log(sum);
    }
    static double at(std::span<const double> values, int index) { return values[static_cast<std::size_t>(index)]; }

    static std::vector<double> row(std::span<const double> matrix, int index, int columns) {
        const auto part = matrix.subspan(static_cast<std::size_t>(index) * static_cast<std::size_t>(columns), static_cast<std::size_t>(columns));
        return {part.begin(), part.end()};
    }
    static void add(std::vector<double>& to, const std::vector<double>& what) {
        for (std::size_t i = 0; i < to.size(); ++i) to[i] += what[i];
    }
    static std::vector<double> product(std::span<const double> matrix, const std::vector<double>& x) {
        std::vector<double> result(matrix.size() / x.size());
        for (std::size_t i = 0; i < matrix.size(); ++i) result[i / x.size()] += matrix[i] * x[i % x.size()];
        return result;
    }
    static std::vector<double> norm(const std::vector<double>& x, std::span<const double> weight) {
        double square = 0;
        for (const double value : x) square += value * value;
        std::vector<double> result(x);
        for (std::size_t i = 0; i < x.size(); ++i) result[i] *= weight[i] / std::sqrt(square / static_cast<double>(x.size()) + 1e-5);
        return result;
    }
    std::vector<double> rotated(std::vector<double> x, std::size_t position) const {
        const auto head = static_cast<std::size_t>(model_.config().head_size());
        for (std::size_t i = 0; i < x.size(); i += 2) {
            const double angle = static_cast<double>(position) * std::pow(10000.0, -static_cast<double>(i % head) / static_cast<double>(head));
            const double first = x[i], second = x[i + 1];
            x[i] = first * std::cos(angle) - second * std::sin(angle);
            x[i + 1] = first * std::sin(angle) + second * std::cos(angle);
        }
        return x;
    }

    const llama::Model<double>& model_;
};
