#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>
#include <span>
#include <stdexcept>
#include <utility>
#include <vector>

#include "attention.hpp"
#include "batch.hpp"
#include "gradients.hpp"
#include "layer_gradients.hpp"
#include "model.hpp"
#include "threads.hpp"

namespace llama {

/// Loss and gradient by back-propagation, written out by hand: the first-order baseline.
///
/// Memory: for one group of sequences a thread, the activations of every layer from the lowest whose gradient is wanted, and the logits of
/// its counted targets; and one more set of gradients for every thread after the first. The weights are read at each call. For a given
/// number of threads the result is always the same; another number changes the order in which gradients are summed, and so their last bits.
template <class Scalar>
class Backward {
public:
    using Sum = typename Accumulator<Scalar>::type;

    /// The model must outlive this. `threads` as for Forward.
    explicit Backward(const Model<Scalar>& model, int threads = 0) : model_(&model), rope_(model.config()) {
        workers_.resize(static_cast<std::size_t>(thread_count(threads)));
    }

    /// The mean negative log-likelihood of the batch's counted targets, as Forward::loss(); `gradients` are overwritten with its
    /// gradient. Throws as Forward::loss() does, and std::invalid_argument if `gradients` have another shape than the model.
    Sum loss_and_gradient(std::span<const Sequence> sequences, Gradients<Scalar> gradients);

    /// The same for sum_i shares[i] * (negative log-likelihood of sequence i's counted targets).
    Sum loss_and_gradient(std::span<const Sequence> sequences, std::span<const Sum> shares, Gradients<Scalar> gradients);

private:
    using Index = Eigen::Index;

    /// What the backward pass needs of one layer.
    struct Tape {
        Matrix<Scalar> x, normalized, q, k, v, attention, middle, middle_normalized, gate, up;
        Vector<Scalar> scale, middle_scale;
    };

    struct Worker {
        std::vector<Tape> tapes;  // of the layers from the lowest; before them, where it is not the first, one for all under it
        Matrix<Scalar> x, dx, dnormalized, dq, dk, dv, hidden, dhidden, logits, low, dlow;
        Vector<Scalar> scale, scratch, share;
        AttentionScratch<Scalar> attention;
        AttentionGradientScratch<Scalar> attention_gradient;
        std::vector<Scalar> memory;
        std::optional<Gradients<Scalar>> gradients;

        void reserve(const Model<Scalar>& model, Index most, int lowest) {
            const Config& config = model.config();
            const Index rows = padded(most);
            const auto layers = static_cast<std::size_t>(config.layers - std::max(lowest, 0) + (lowest > 0 ? 1 : 0));
            if (x.rows() >= rows && tapes.size() >= layers && low.cols() == model.adapters().rank) return;
            const auto resize = [rows](Index columns, std::initializer_list<Matrix<Scalar>*> matrices) {
                for (Matrix<Scalar>* matrix : matrices) matrix->resize(rows, columns);
            };
            tapes.resize(layers);
            for (Tape& tape : tapes) {
                resize(config.dim, {&tape.x, &tape.normalized, &tape.q, &tape.attention, &tape.middle, &tape.middle_normalized});
                resize(config.kv_dim(), {&tape.k, &tape.v});
                resize(config.hidden, {&tape.gate, &tape.up});
                tape.scale.resize(rows);
                tape.middle_scale.resize(rows);
            }
            resize(config.dim, {&x, &dx, &dnormalized, &dq});
            resize(config.kv_dim(), {&dk, &dv});
            resize(config.hidden, {&hidden, &dhidden});
            resize(config.vocab, {&logits});
            resize(model.adapters().rank, {&low, &dlow});
            for (Vector<Scalar>* vector : {&scale, &scratch, &share}) vector->resize(rows);
            attention.reserve(config.head_size(), rows);
            attention_gradient.reserve(rows);
        }
    };

    Tape& tape_of(Worker& worker, int index) const {
        return worker.tapes[static_cast<std::size_t>(lowest_ > 0 ? std::max(index - lowest_ + 1, 0) : index)];
    }

    /// The group's weighted negative log-likelihood; adds to the worker's gradients.
    Sum run(std::span<const Sequence> sequences, std::span<const Sum> shares, const Group& group, Worker& worker) const {
        const Config& config = model_->config();
        const Index rows = padded(group.rows);
        const auto embedding = weights(model_->token_embedding(), config.vocab, config.dim);
        const auto prompt = weights(model_->prompt(), model_->adapters().prompt, config.dim);
        worker.x.topRows(rows).setZero();
        each_row(sequences, [&](Index row, int token) { worker.x.row(row) = embedding.row(token); },
                 [&](Index row, Index place) { worker.x.row(row) = prompt.row(place); });
        for (int index = 0; index < config.layers; ++index) forward(sequences, index, worker, rows);
        const Sum loss = classify(sequences, shares, group, worker);
        for (int index = config.layers - 1; index >= std::max(lowest_, 0); --index) backward(sequences, index, worker, rows);
        WeightsOut<Scalar> dembedding(worker.gradients->token_embedding.data(), config.vocab, config.dim);
        WeightsOut<Scalar> dprompt(worker.gradients->prompt.data(), model_->adapters().prompt, config.dim);
        const bool embeddings = !worker.gradients->token_embedding.empty(), prompts = !worker.gradients->prompt.empty();
        each_row(sequences, [&](Index row, int token) { if (embeddings) dembedding.row(token) += worker.dx.row(row); },
                 [&](Index row, Index place) { if (prompts) dprompt.row(place) += worker.dx.row(row); });
        return loss;
    }

    /// input(row, token) for each token, virtual_token(row, place) for each embedding of the prompt.
    template <class Input, class VirtualToken>
    void each_row(std::span<const Sequence> sequences, Input input, VirtualToken virtual_token) const {
        Index row = 0;
        for (const Sequence& sequence : sequences) {
            row += model_->adapters().prefix;
            for (Index place = 0; place < model_->adapters().prompt; ++place) virtual_token(row++, place);
            for (Index i = 0; i < sequence.inputs(); ++i) input(row++, sequence.tokens[static_cast<std::size_t>(i)]);
        }
    }

    void forward(std::span<const Sequence> sequences, int index, Worker& worker, Index rows) const {
        const Config& config = model_->config();
        const Layer<const Scalar> layer = model_->layer(index);
        Tape& tape = tape_of(worker, index);
        const auto top = [rows](auto& matrix) { return matrix.topRows(rows); };
        auto x = top(worker.x), normalized = top(tape.normalized), attention = top(tape.attention), middle = top(tape.middle);
        top(tape.x) = x;
        rms_norm<Scalar>(x, layer.attention_norm, tape.scale.head(rows), normalized);
        multiply(top(tape.q), normalized, weights(layer.wq, config.dim, config.dim).transpose());
        multiply(top(tape.k), normalized, weights(layer.wk, config.kv_dim(), config.dim).transpose());
        multiply(top(tape.v), normalized, weights(layer.wv, config.kv_dim(), config.dim).transpose());
        add_lora<Scalar>(top(tape.q), normalized, layer.lora_aq, layer.lora_bq, model_->adapters().scale(), top(worker.low));
        add_lora<Scalar>(top(tape.v), normalized, layer.lora_av, layer.lora_bv, model_->adapters().scale(), top(worker.low));
        attention.setZero();
        Index begin = 0;
        for (const Sequence& sequence : sequences) {
            const Index length = model_->adapters().virtual_tokens() + sequence.inputs();
            const auto part = [begin, length](auto& matrix) { return matrix.middleRows(begin, length); };
            rotate<false, Scalar>(part(tape.q), rope_, worker.scratch.head(length));
            rotate<false, Scalar>(part(tape.k), rope_, worker.scratch.head(length));
            put_prefix<Scalar>(part(tape.k), layer.prefix_keys);
            put_prefix<Scalar>(part(tape.v), layer.prefix_values);
            causal_attention<Scalar>(part(tape.q), part(tape.k), part(tape.v), config.head_size(), worker.attention, part(tape.attention));
            begin += length;
        }
        middle = x;
        multiply_add(middle, attention, weights(layer.wo, config.dim, config.dim).transpose());
        rms_norm<Scalar>(middle, layer.ffn_norm, tape.middle_scale.head(rows), top(tape.middle_normalized));
        multiply(top(tape.gate), top(tape.middle_normalized), weights(layer.w1, config.hidden, config.dim).transpose());
        multiply(top(tape.up), top(tape.middle_normalized), weights(layer.w3, config.hidden, config.dim).transpose());
        auto hidden = top(worker.hidden);
        hidden = top(tape.gate);
        swiglu<Scalar>(hidden, top(tape.up));
        x = middle;
        multiply_add(x, hidden, weights(layer.w2, config.dim, config.hidden).transpose());
    }

    /// Softmax cross-entropy of the counted targets; leaves the gradient of the residual stream in worker.dx.
    Sum classify(std::span<const Sequence> sequences, std::span<const Sum> shares, const Group& group, Worker& worker) const {
        using std::log;
        const Config& config = model_->config();
        const Index rows = padded(group.targets);
        auto x = worker.dq.topRows(rows), normalized = worker.dnormalized.topRows(rows);
        auto scale = worker.scale.head(rows), scratch = worker.scratch.head(rows);
        auto logits = worker.logits.topRows(rows);
        x.setZero();
        auto share = worker.share.head(rows);
        share.setZero();
        each_counted(sequences, [&](std::size_t place, Index row, Index from, int) {
            x.row(row) = worker.x.row(from);
            share[row] = static_cast<Scalar>(shares[place]);
        });
        rms_norm<Scalar>(x, model_->final_norm(), scale, normalized);
        multiply(logits, normalized, weights(model_->classifier(), config.vocab, config.dim).transpose());

        Sum loss(0);
        scratch = logits.rowwise().maxCoeff().array();
        each_counted(sequences, [&](std::size_t place, Index row, Index, int target) { loss -= shares[place] * static_cast<Sum>(logits(row, target) - scratch[row]); });
        for (Index token = 0; token < logits.cols(); ++token) logits.col(token).array() = (logits.col(token).array() - scratch).exp();
        scratch = logits.rowwise().sum().array();
        each_counted(sequences, [&](std::size_t place, Index row, Index, int) { loss += shares[place] * log(static_cast<Sum>(scratch[row])); });

        // d loss / d logits = share * (softmax - one-hot); rows that only pad have none.
        scratch = share * scratch.inverse();
        for (Index token = 0; token < logits.cols(); ++token) logits.col(token).array() *= scratch;
        each_counted(sequences, [&](std::size_t, Index row, Index, int target) { logits(row, target) -= share[row]; });
        logits.bottomRows(rows - group.targets).setZero();
        add_outer(worker.gradients->classifier(), logits, normalized);
        multiply(normalized, logits, weights(model_->classifier(), config.vocab, config.dim));

        // worker.x has served: it takes the counted rows' gradient before they are spread over worker.dx.
        auto dcounted = worker.x.topRows(rows);
        dcounted.setZero();
        rms_norm_gradient<Scalar>(x, model_->final_norm(), scale, normalized, scratch, worker.gradients->final_norm, dcounted);
        worker.dx.topRows(padded(group.rows)).setZero();
        each_counted(sequences, [&](std::size_t, Index row, Index from, int) { worker.dx.row(from) = dcounted.row(row); });
        return loss;
    }

    /// visit(sequence, row among the counted, row that predicts it, target) for every counted target of the group.
    template <class Visit>
    void each_counted(std::span<const Sequence> sequences, Visit visit) const {
        Index row = 0, begin = 0;
        for (std::size_t place = 0; place < sequences.size(); ++place) {
            const Sequence& sequence = sequences[place];
            begin += model_->adapters().virtual_tokens();
            for (Index target = sequence.first_target; target <= sequence.inputs(); ++target) {
                visit(place, row++, begin + target - 1, sequence.tokens[static_cast<std::size_t>(target)]);
            }
            begin += sequence.inputs();
        }
    }

    /// From the gradient of a layer's result to that of its input, in worker.dx.
    void backward(std::span<const Sequence> sequences, int index, Worker& worker, Index rows) const {
        const Config& config = model_->config();
        const Layer<const Scalar> layer = model_->layer(index);
        const Layer<Scalar>& gradient = worker.gradients->layers[static_cast<std::size_t>(index)];
        Tape& tape = tape_of(worker, index);
        const auto top = [rows](auto& matrix) { return matrix.topRows(rows); };
        auto dx = top(worker.dx), dnormalized = top(worker.dnormalized), hidden = top(worker.hidden), dhidden = top(worker.dhidden);
        auto scratch = worker.scratch.head(rows);

        hidden = top(tape.gate);
        swiglu<Scalar>(hidden, top(tape.up));
        add_outer(gradient.w2, dx, hidden);
        multiply(dhidden, dx, weights(layer.w2, config.dim, config.hidden));
        swiglu_gradient<Scalar>(top(tape.gate), top(tape.up), dhidden, scratch);
        add_outer(gradient.w1, top(tape.gate), top(tape.middle_normalized));
        add_outer(gradient.w3, top(tape.up), top(tape.middle_normalized));
        multiply(dnormalized, top(tape.gate), weights(layer.w1, config.hidden, config.dim));
        multiply_add(dnormalized, top(tape.up), weights(layer.w3, config.hidden, config.dim));
        rms_norm_gradient<Scalar>(top(tape.middle), layer.ffn_norm, tape.middle_scale.head(rows), dnormalized, scratch, gradient.ffn_norm, dx);

        add_outer(gradient.wo, dx, top(tape.attention));
        multiply(dnormalized, dx, weights(layer.wo, config.dim, config.dim));  // for now the gradient of attention's result
        for (Matrix<Scalar>* matrix : {&worker.dq, &worker.dk, &worker.dv}) top(*matrix).setZero();
        Index begin = 0;
        for (const Sequence& sequence : sequences) {
            const Index length = model_->adapters().virtual_tokens() + sequence.inputs();
            const auto part = [begin, length](auto& matrix) { return matrix.middleRows(begin, length); };
            causal_attention_gradient<Scalar>(part(tape.q), part(tape.k), part(tape.v), part(tape.attention), part(worker.dnormalized), config.head_size(),
                                              worker.attention_gradient, part(worker.dq), part(worker.dk), part(worker.dv));
            take_prefix_gradient<Scalar>(part(worker.dk), gradient.prefix_keys, model_->adapters().prefix);
            take_prefix_gradient<Scalar>(part(worker.dv), gradient.prefix_values, model_->adapters().prefix);
            rotate<true, Scalar>(part(worker.dq), rope_, worker.scratch.head(length));
            rotate<true, Scalar>(part(worker.dk), rope_, worker.scratch.head(length));
            begin += length;
        }
        add_outer(gradient.wq, top(worker.dq), top(tape.normalized));
        add_outer(gradient.wk, top(worker.dk), top(tape.normalized));
        add_outer(gradient.wv, top(worker.dv), top(tape.normalized));
        multiply(dnormalized, top(worker.dq), weights(layer.wq, config.dim, config.dim));
        multiply_add(dnormalized, top(worker.dk), weights(layer.wk, config.kv_dim(), config.dim));
        multiply_add(dnormalized, top(worker.dv), weights(layer.wv, config.kv_dim(), config.dim));
        add_lora_gradient<Scalar>(top(worker.dq), top(tape.normalized), layer.lora_aq, layer.lora_bq, model_->adapters().scale(), top(worker.low),
                                  top(worker.dlow), gradient.lora_aq, gradient.lora_bq, dnormalized);
        add_lora_gradient<Scalar>(top(worker.dv), top(tape.normalized), layer.lora_av, layer.lora_bv, model_->adapters().scale(), top(worker.low),
                                  top(worker.dlow), gradient.lora_av, gradient.lora_bv, dnormalized);
        rms_norm_gradient<Scalar>(top(tape.x), layer.attention_norm, tape.scale.head(rows), dnormalized, scratch, gradient.attention_norm, dx);
    }

    const Model<Scalar>* model_;
    RopeTable<Scalar> rope_;
    std::vector<Worker> workers_;
    Batch batch_;
    std::vector<Sum> losses_, mean_;
    int lowest_ = -1;
};

// Not inline: what only calls them does not compile them.

template <class Scalar>
auto Backward<Scalar>::loss_and_gradient(std::span<const Sequence> sequences, Gradients<Scalar> gradients) -> Sum {
    if (sequences.empty()) throw std::invalid_argument("the batch is empty");
    Eigen::Index targets = 0;
    for (const Sequence& sequence : sequences) targets += sequence.targets();
    mean_.assign(sequences.size(), Sum(1) / static_cast<Sum>(static_cast<double>(targets)));
    return loss_and_gradient(sequences, mean_, std::move(gradients));
}

template <class Scalar>
auto Backward<Scalar>::loss_and_gradient(std::span<const Sequence> sequences, std::span<const Sum> shares,
                                         Gradients<Scalar> gradients) -> Sum {
    if (sequences.empty()) throw std::invalid_argument("the batch is empty");
    if (shares.size() != sequences.size()) throw std::invalid_argument("there must be one share for each sequence");
    if (!gradients.fit(*model_)) throw std::invalid_argument("the gradients have another shape than the model");
    batch_.assign(sequences, model_->config(), model_->adapters().virtual_tokens());
    lowest_ = gradients.lowest();
    const std::size_t used = std::min(workers_.size(), batch_.groups().size());
    rope_.reserve(batch_.positions());
    for (std::size_t i = 0; i < used; ++i) {
        Worker& worker = workers_[i];
        worker.reserve(*model_, batch_.max_rows(), lowest_);
        worker.gradients.emplace(i == 0 ? gradients : gradients.in(worker.memory));
        worker.gradients->each([](std::span<Scalar> values) { std::ranges::fill(values, Scalar(0)); });
    }
    losses_.assign(batch_.groups().size(), Sum(0));
    for_each_index(batch_.groups().size(), static_cast<int>(used), [&](std::size_t index, int thread) {
        const Group& group = batch_.groups()[index];
        const std::size_t size = group.last - group.first;
        losses_[index] = run(sequences.subspan(group.first, size), shares.subspan(group.first, size), group, workers_[static_cast<std::size_t>(thread)]);
    });
    for (std::size_t i = 1; i < used; ++i) {
        const Scalar* from = workers_[i].memory.data();
        gradients.each([&](std::span<Scalar> values) {
            for (Scalar& value : values) value += *from++;
        });
    }
    Sum total(0);
    for (const Sum& loss : losses_) total += loss;
    return total;
}

extern template class Backward<float>;  // of the library

}  // namespace llama
