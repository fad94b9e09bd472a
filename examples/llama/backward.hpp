#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <memory>
#include <span>
#include <stdexcept>
#include <vector>

#include "attention.hpp"
#include "batch.hpp"
#include "layer_gradients.hpp"
#include "model.hpp"
#include "threads.hpp"

namespace llama {

/// Gradients have the model's tensors.
template <class Scalar>
using Gradients = Model<Scalar>;

/// Loss and gradient by back-propagation, written out by hand: the first-order baseline.
///
/// Memory: the activations of every layer for one group of sequences a thread, the logits of its counted targets, and one more
/// set of gradients for every thread after the first. The weights are read at each call. For a given number of threads the
/// result is always the same; another number changes the order in which gradients are summed, and so their last bits.
template <class Scalar>
class Backward {
public:
    using Sum = typename Accumulator<Scalar>::type;

    /// The model must outlive this. `threads` as for Forward.
    explicit Backward(const Model<Scalar>& model, int threads = 0) : model_(&model), rope_(model.config()) {
        workers_.resize(static_cast<std::size_t>(thread_count(threads)));
    }

    /// The mean negative log-likelihood of the batch's counted targets, as Forward::loss(); `gradients` is overwritten with its
    /// gradient. Throws as Forward::loss() does, and std::invalid_argument if `gradients` has another shape than the model.
    Sum loss_and_gradient(std::span<const Sequence> sequences, Gradients<Scalar>& gradients) {
        if (sequences.empty()) throw std::invalid_argument("the batch is empty");
        if (!(gradients.config() == model_->config())) throw std::invalid_argument("the gradients have another shape than the model");
        batch_.assign(sequences, model_->config());
        const std::size_t used = std::min(workers_.size(), batch_.groups().size());
        for (std::size_t i = 0; i < used; ++i) {
            workers_[i].reserve(model_->config(), batch_.most_inputs());
            if (i > 0 && !workers_[i].own) workers_[i].own = std::make_unique<Gradients<Scalar>>(model_->config());
            workers_[i].gradients = i == 0 ? &gradients : workers_[i].own.get();
            std::ranges::fill(workers_[i].gradients->values(), Scalar(0));
        }
        losses_.assign(batch_.groups().size(), Sum(0));
        for_each_index(batch_.groups().size(), static_cast<int>(used), [&](std::size_t index, int thread) {
            const Group& group = batch_.groups()[index];
            losses_[index] = run(sequences.subspan(group.first, group.last - group.first), group, workers_[static_cast<std::size_t>(thread)]);
        });
        for (std::size_t i = 1; i < used; ++i) {
            for (std::size_t j = 0; j < gradients.values().size(); ++j) gradients.values()[j] += workers_[i].gradients->values()[j];
        }
        Sum total(0);
        for (const Sum& loss : losses_) total += loss;
        return total / static_cast<Sum>(static_cast<double>(batch_.targets()));
    }

private:
    using Index = Eigen::Index;

    /// What the backward pass needs of one layer.
    struct Tape {
        Matrix<Scalar> x, normalized, q, k, v, attention, middle, middle_normalized, gate, up;
        Vector<Scalar> scale, middle_scale;
    };

    struct Worker {
        std::vector<Tape> tapes;
        Matrix<Scalar> x, dx, dnormalized, dq, dk, dv, hidden, dhidden, logits;
        Vector<Scalar> scale, scratch;
        AttentionScratch<Scalar> attention;
        AttentionGradientScratch<Scalar> attention_gradient;
        std::unique_ptr<Gradients<Scalar>> own;
        Gradients<Scalar>* gradients = nullptr;

        void reserve(const Config& config, Index inputs) {
            const Index rows = padded(inputs);
            if (x.rows() >= rows) return;
            const auto resize = [rows](Index columns, std::initializer_list<Matrix<Scalar>*> matrices) {
                for (Matrix<Scalar>* matrix : matrices) matrix->resize(rows, columns);
            };
            tapes.resize(static_cast<std::size_t>(config.layers));
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
            scale.resize(rows);
            scratch.resize(rows);
            attention.reserve(config.head_size(), rows);
            attention_gradient.reserve(rows);
        }
    };

    /// Adds left^T right to the gradient of a weight matrix [left's columns, right's columns].
    template <class Left, class Right>
    static void add_outer(std::span<Scalar> gradient, const Left& left, const Right& right) {
        WeightsOut<Scalar> target(gradient.data(), left.cols(), right.cols());
        multiply_add(target, left.transpose(), right);
    }

    /// The group's summed negative log-likelihood; adds to the worker's gradients.
    Sum run(std::span<const Sequence> sequences, const Group& group, Worker& worker) const {
        const Config& config = model_->config();
        const Index rows = padded(group.inputs);
        const auto embedding = weights(model_->token_embedding(), config.vocab, config.dim);
        worker.x.topRows(rows).setZero();
        each_input(sequences, [&](Index row, int token) { worker.x.row(row) = embedding.row(token); });
        for (int index = 0; index < config.layers; ++index) forward(sequences, index, worker, rows);
        const Sum loss = classify(sequences, group, worker);
        for (int index = config.layers - 1; index >= 0; --index) backward(sequences, index, worker, rows);
        WeightsOut<Scalar> dembedding(worker.gradients->token_embedding().data(), config.vocab, config.dim);
        each_input(sequences, [&](Index row, int token) { dembedding.row(token) += worker.dx.row(row); });
        return loss;
    }

    template <class Visit>
    static void each_input(std::span<const Sequence> sequences, Visit visit) {
        Index row = 0;
        for (const Sequence& sequence : sequences) {
            for (Index i = 0; i < sequence.inputs(); ++i) visit(row++, sequence.tokens[static_cast<std::size_t>(i)]);
        }
    }

    void forward(std::span<const Sequence> sequences, int index, Worker& worker, Index rows) const {
        const Config& config = model_->config();
        const Layer<const Scalar> layer = model_->layer(index);
        Tape& tape = worker.tapes[static_cast<std::size_t>(index)];
        const auto top = [rows](auto& matrix) { return matrix.topRows(rows); };
        auto x = top(worker.x), normalized = top(tape.normalized), attention = top(tape.attention), middle = top(tape.middle);
        top(tape.x) = x;
        rms_norm<Scalar>(x, layer.attention_norm, tape.scale.head(rows), normalized);
        multiply(top(tape.q), normalized, weights(layer.wq, config.dim, config.dim).transpose());
        multiply(top(tape.k), normalized, weights(layer.wk, config.kv_dim(), config.dim).transpose());
        multiply(top(tape.v), normalized, weights(layer.wv, config.kv_dim(), config.dim).transpose());
        attention.setZero();
        Index begin = 0;
        for (const Sequence& sequence : sequences) {
            const Index length = sequence.inputs();
            const auto part = [begin, length](auto& matrix) { return matrix.middleRows(begin, length); };
            rotate<false, Scalar>(part(tape.q), rope_, worker.scratch.head(length));
            rotate<false, Scalar>(part(tape.k), rope_, worker.scratch.head(length));
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
    Sum classify(std::span<const Sequence> sequences, const Group& group, Worker& worker) const {
        using std::log;
        const Config& config = model_->config();
        const Index rows = padded(group.targets);
        auto x = worker.dq.topRows(rows), normalized = worker.dnormalized.topRows(rows);
        auto scale = worker.scale.head(rows), scratch = worker.scratch.head(rows);
        auto logits = worker.logits.topRows(rows);
        x.setZero();
        each_counted(sequences, [&](Index row, Index from, int) { x.row(row) = worker.x.row(from); });
        rms_norm<Scalar>(x, model_->final_norm(), scale, normalized);
        multiply(logits, normalized, weights(model_->classifier(), config.vocab, config.dim).transpose());

        Sum loss(0);
        scratch = logits.rowwise().maxCoeff().array();
        each_counted(sequences, [&](Index row, Index, int target) { loss -= static_cast<Sum>(logits(row, target) - scratch[row]); });
        for (Index token = 0; token < logits.cols(); ++token) logits.col(token).array() = (logits.col(token).array() - scratch).exp();
        scratch = logits.rowwise().sum().array();
        for (Index row = 0; row < group.targets; ++row) loss += log(static_cast<Sum>(scratch[row]));

        // d loss / d logits = (softmax - one-hot) / targets; rows that only pad have none.
        const auto share = static_cast<Scalar>(1.0 / static_cast<double>(batch_.targets()));
        scratch = share * scratch.inverse();
        for (Index token = 0; token < logits.cols(); ++token) logits.col(token).array() *= scratch;
        each_counted(sequences, [&](Index row, Index, int target) { logits(row, target) -= share; });
        logits.bottomRows(rows - group.targets).setZero();
        add_outer(worker.gradients->classifier(), logits, normalized);
        multiply(normalized, logits, weights(model_->classifier(), config.vocab, config.dim));

        // worker.x has served: it takes the counted rows' gradient before they are spread over worker.dx.
        auto dcounted = worker.x.topRows(rows);
        dcounted.setZero();
        rms_norm_gradient<Scalar>(x, model_->final_norm(), scale, normalized, scratch, worker.gradients->final_norm(), dcounted);
        worker.dx.topRows(padded(group.inputs)).setZero();
        each_counted(sequences, [&](Index row, Index from, int) { worker.dx.row(from) = dcounted.row(row); });
        return loss;
    }

    /// visit(row among the counted, input row that predicts it, target) for every counted target of the group.
    template <class Visit>
    static void each_counted(std::span<const Sequence> sequences, Visit visit) {
        Index row = 0, begin = 0;
        for (const Sequence& sequence : sequences) {
            for (Index target = sequence.first_target; target <= sequence.inputs(); ++target) {
                visit(row++, begin + target - 1, sequence.tokens[static_cast<std::size_t>(target)]);
            }
            begin += sequence.inputs();
        }
    }

    /// From the gradient of a layer's result to that of its input, in worker.dx.
    void backward(std::span<const Sequence> sequences, int index, Worker& worker, Index rows) const {
        const Config& config = model_->config();
        const Layer<const Scalar> layer = model_->layer(index);
        const Layer<Scalar> gradient = worker.gradients->layer(index);
        Tape& tape = worker.tapes[static_cast<std::size_t>(index)];
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
            const Index length = sequence.inputs();
            const auto part = [begin, length](auto& matrix) { return matrix.middleRows(begin, length); };
            causal_attention_gradient<Scalar>(part(tape.q), part(tape.k), part(tape.v), part(tape.attention), part(worker.dnormalized), config.head_size(),
                                              worker.attention_gradient, part(worker.dq), part(worker.dk), part(worker.dv));
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
        rms_norm_gradient<Scalar>(top(tape.x), layer.attention_norm, tape.scale.head(rows), dnormalized, scratch, gradient.attention_norm, dx);
    }

    const Model<Scalar>* model_;
    RopeTable<Scalar> rope_;
    std::vector<Worker> workers_;
    Batch batch_;
    std::vector<Sum> losses_;
};

}  // namespace llama
