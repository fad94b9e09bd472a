#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <stdexcept>
#include <string>

#include "layers.hpp"
#include "model.hpp"

namespace llama {

/// Reads a text token by token and predicts the next, keeping the keys and values of what it has read. The weights are read from
/// the model at each step; after they have changed, start anew with reset().
///
/// Memory: 2 * layers * positions * kv_dim scalars. A step allocates nothing.
template <class Scalar>
class Generator {
public:
    /// Reads at most `positions`, virtual tokens included; 0, or more than the model reads: as many as that. The model must outlive this.
    explicit Generator(const Model<Scalar>& model, int positions = 0)
        : model_(&model),
          positions_(positions > 0 ? std::min(positions, model.config().sequence) : model.config().sequence),
          rope_(model.config()),
          keys_(model.config().kv_dim(), Index(model.config().layers) * positions_),
          values_(keys_.rows(), keys_.cols()),
          x_(model.config().dim),
          normalized_(x_.size()),
          q_(x_.size()),
          attention_(x_.size()),
          gate_(model.config().hidden),
          up_(gate_.size()),
          scores_(positions_),
          logits_(model.config().vocab),
          low_(model.adapters().rank) {
        rope_.reserve(positions_);
    }

    void reset() { position_ = 0; }

    /// Positions taken so far: the model's virtual tokens, once it has begun to read, and the tokens read.
    int position() const { return position_; }
    /// Whether it has read all that it can.
    bool full() const { return position_ == positions_; }

    /// Reads one token; returns the logits of the next, valid until the next step.
    /// Throws std::invalid_argument for a token outside the vocabulary, std::length_error once it is full.
    std::span<const Scalar> step(int token) {
        const Config& config = model_->config();
        if (token < 0 || token >= config.vocab) throw std::invalid_argument("token " + std::to_string(token) + " is outside the vocabulary");
        if (full()) throw std::length_error("the model reads at most " + std::to_string(positions_) + " tokens");
        if (position_ == 0) read_virtual_tokens();
        x_ = weights(model_->token_embedding(), config.vocab, config.dim).row(token).transpose();
        read();
        norm(model_->final_norm());
        logits_.noalias() = weights(model_->classifier(), config.vocab, config.dim) * normalized_;
        return {logits_.data(), static_cast<std::size_t>(logits_.size())};
    }

    /// Keys and values of a layer at the positions read, [kv_dim, positions].
    auto keys(int layer) const { return keys_.middleCols(Index(layer) * positions_, position_); }
    auto values(int layer) const { return values_.middleCols(Index(layer) * positions_, position_); }

private:
    using Index = Eigen::Index;
    using Column = Eigen::Matrix<Scalar, Eigen::Dynamic, 1>;

    void read_virtual_tokens() {
        const Config& config = model_->config();
        const int prefix = model_->adapters().prefix;
        for (int index = 0; prefix != 0 && index < config.layers; ++index) {
            const Layer<const Scalar> layer = model_->layer(index);
            const Index begin = Index(index) * positions_;
            keys_.middleCols(begin, prefix) = weights(layer.prefix_keys, prefix, config.kv_dim()).transpose();
            values_.middleCols(begin, prefix) = weights(layer.prefix_values, prefix, config.kv_dim()).transpose();
        }
        position_ = prefix;
        for (Index place = 0; place < model_->adapters().prompt; ++place) {
            x_ = weights(model_->prompt(), model_->adapters().prompt, config.dim).row(place).transpose();
            read();
        }
    }

    /// Takes x_ through the layers.
    void read() {
        const Config& config = model_->config();
        for (int index = 0; index < config.layers; ++index) {
            const Layer<const Scalar> layer = model_->layer(index);
            attend(layer, index);
            norm(layer.ffn_norm);
            gate_.noalias() = weights(layer.w1, config.hidden, config.dim) * normalized_;
            up_.noalias() = weights(layer.w3, config.hidden, config.dim) * normalized_;
            gate_.array() *= up_.array() / ((-gate_.array()).exp() + Scalar(1));
            x_.noalias() += weights(layer.w2, config.dim, config.hidden) * gate_;
        }
        ++position_;
    }

    void norm(std::span<const Scalar> weight) {
        using std::sqrt;
        const Scalar mean = x_.squaredNorm() / static_cast<Scalar>(static_cast<double>(x_.size()));
        const Scalar scale = Scalar(1) / sqrt(mean + static_cast<Scalar>(rms_epsilon));
        normalized_ = scale * x_.cwiseProduct(Eigen::Map<const Column>(weight.data(), x_.size()));
    }

    template <class Heads>
    void turn(Heads&& heads) const {
        const Index pairs = rope_.cosines.cols();
        for (Index i = 0; i < heads.size(); i += 2) {
            const Scalar cosine = rope_.cosines(position_, i / 2 % pairs), sine = rope_.sines(position_, i / 2 % pairs);
            const Scalar first = heads[i], second = heads[i + 1];
            heads[i] = first * cosine - second * sine;
            heads[i + 1] = second * cosine + first * sine;
        }
    }

    template <class Result>
    void add_lora(Result&& result, std::span<const Scalar> a, std::span<const Scalar> b) {
        if (a.empty()) return;
        low_.noalias() = weights(a, low_.size(), normalized_.size()) * normalized_;
        low_ *= static_cast<Scalar>(model_->adapters().scale());
        result.noalias() += weights(b, result.size(), low_.size()) * low_;
    }

    void attend(const Layer<const Scalar>& layer, int index) {
        const Config& config = model_->config();
        const Index begin = Index(index) * positions_, now = begin + position_, seen = position_ + 1, size = config.head_size();
        norm(layer.attention_norm);
        q_.noalias() = weights(layer.wq, config.dim, config.dim) * normalized_;
        keys_.col(now).noalias() = weights(layer.wk, config.kv_dim(), config.dim) * normalized_;
        values_.col(now).noalias() = weights(layer.wv, config.kv_dim(), config.dim) * normalized_;
        add_lora(q_, layer.lora_aq, layer.lora_bq);
        add_lora(values_.col(now), layer.lora_av, layer.lora_bv);
        turn(q_);
        turn(keys_.col(now));
        const auto scale = static_cast<Scalar>(1 / std::sqrt(static_cast<double>(size)));
        for (Index head = 0; head < config.heads; ++head) {
            const Index shared = head / (config.heads / config.kv_heads) * size;
            auto scores = scores_.head(seen);
            scores.noalias() = keys_.block(shared, begin, size, seen).transpose() * (q_.segment(head * size, size));
            scores *= scale;
            const Scalar largest = scores.maxCoeff();
            scores = (scores.array() - largest).exp().matrix();
            const Scalar sum = scores.sum();
            attention_.segment(head * size, size).noalias() = values_.block(shared, begin, size, seen) * scores;
            attention_.segment(head * size, size) /= sum;
        }
        x_.noalias() += weights(layer.wo, config.dim, config.dim) * attention_;
    }

    const Model<Scalar>* model_;
    int positions_;
    RopeTable<Scalar> rope_;
    Matrix<Scalar> keys_, values_;  // [kv_dim, layers * positions]: a token a column
    Column x_, normalized_, q_, attention_, gate_, up_, scores_, logits_, low_;
    int position_ = 0;
};

}  // namespace llama
