#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <stdexcept>
#include <utility>
#include <vector>

#include "batch.hpp"
#include "gradients.hpp"
#include "layer_gradients.hpp"
#include "model.hpp"
#include "threads.hpp"

namespace llama {

/// Directions in which weights are moved, with the form of their gradients: where a span is empty, the tensor stands still.
template <class Scalar>
using Tangents = Gradients<Scalar>;

/// The forward pass and its derivative along a direction of the weights: forward-mode differentiation, written out by hand. (Forward on Dual
/// numbers gives the same; here products go through the matrix kernels, about ten times as fast.)
///
/// Memory: twice the activations of Forward with the logits of the whole vocabulary, and two matrices [tokens, tokens] a thread. The result does not depend on the number of threads.
template <class Scalar>
class ForwardMode {
public:
    using Sum = typename Accumulator<Scalar>::type;

    /// The model must outlive this. `threads` as for Forward.
    explicit ForwardMode(const Model<Scalar>& model, int threads = 0) : model_(&model), rope_(model.config()) {
        workers_.resize(static_cast<std::size_t>(thread_count(threads)));
    }

    /// sums[i] = log-probability of sequence i's counted targets, summed; derivatives[i] = its derivative along the tangents.
    /// Throws as Forward::log_probabilities(), and std::invalid_argument if the tangents have another shape than the model.
    void log_probabilities(std::span<const Sequence> sequences, Tangents<Scalar> tangents, std::span<Sum> sums, std::span<Sum> derivatives);

private:
    using Index = Eigen::Index;

    /// Activations and their derivatives.
    struct Pair {
        Matrix<Scalar> value, derivative;

        void resize(Index rows, Index columns) {
            value.resize(rows, columns);
            derivative.resize(rows, columns);
        }
    };

    struct Worker {
        Pair x, normalized, q, k, v, gate, up, low, logits;
        Matrix<Scalar> probabilities, scores;
        Vector<Scalar> scale, scratch, largest;

        void reserve(const Model<Scalar>& model, Index most) {
            const Config& config = model.config();
            const Index rows = padded(most);
            if (x.value.rows() >= rows && low.value.cols() == model.adapters().rank) return;
            for (Pair* pair : {&x, &normalized, &q}) pair->resize(rows, config.dim);
            for (Pair* pair : {&k, &v}) pair->resize(rows, config.kv_dim());
            for (Pair* pair : {&gate, &up}) pair->resize(rows, config.hidden);
            low.resize(rows, model.adapters().rank);
            logits.resize(rows, config.vocab);
            for (Matrix<Scalar>* matrix : {&probabilities, &scores}) matrix->resize(rows, rows);
            for (Vector<Scalar>* vector : {&scale, &scratch, &largest}) vector->resize(rows);
        }
    };

    static void multiply_by(Pair& result, const Pair& x, Index rows, std::span<const Scalar> w, std::span<const Scalar> dw, bool add = false) {
        const auto matrix = weights(w, result.value.cols(), x.value.cols());
        const auto value = x.value.topRows(rows), derivative = x.derivative.topRows(rows);
        if (add) {
            multiply_add(result.value.topRows(rows), value, matrix.transpose());
            multiply_add(result.derivative.topRows(rows), derivative, matrix.transpose());
        } else {
            multiply(result.value.topRows(rows), value, matrix.transpose());
            multiply(result.derivative.topRows(rows), derivative, matrix.transpose());
        }
        if (!dw.empty()) multiply_add(result.derivative.topRows(rows), value, weights(dw, matrix.rows(), matrix.cols()).transpose());
    }

    static void norm(Pair& result, const Pair& x, Index rows, Worker& worker, std::span<const Scalar> weight, std::span<const Scalar> dweight) {
        auto scale = worker.scale.head(rows), dscale = worker.scratch.head(rows);
        rms_norm<Scalar>(x.value.topRows(rows), weight, scale, result.value.topRows(rows));
        dscale.setZero();
        for (Index d = 0; d < x.value.cols(); ++d) dscale += x.value.col(d).head(rows).array() * x.derivative.col(d).head(rows).array();
        dscale *= scale.cube() * static_cast<Scalar>(-1.0 / static_cast<double>(x.value.cols()));
        for (Index d = 0; d < x.value.cols(); ++d) {
            const auto i = static_cast<std::size_t>(d);
            const auto value = x.value.col(d).head(rows).array();
            auto derivative = result.derivative.col(d).head(rows).array();
            derivative = weight[i] * (dscale * value + scale * x.derivative.col(d).head(rows).array());
            if (!dweight.empty()) derivative += dweight[i] * scale * value;
        }
    }

    void add_lora(Pair& result, const Pair& x, Index rows, Worker& worker, std::span<const Scalar> a, std::span<const Scalar> da, std::span<const Scalar> b,
                  std::span<const Scalar> db) const {
        if (a.empty()) return;
        multiply_by(worker.low, x, rows, a, da);
        const auto scale = static_cast<Scalar>(model_->adapters().scale());
        worker.low.value.topRows(rows) *= scale;
        worker.low.derivative.topRows(rows) *= scale;
        multiply_by(result, worker.low, rows, b, db, true);
    }

    void run(std::span<const Sequence> sequences, const Group& group, const Tangents<Scalar>& tangents, Worker& worker, std::span<Sum> sums,
             std::span<Sum> derivatives) const {
        const Config& config = model_->config();
        const Index rows = padded(group.rows);
        embed(sequences, tangents, worker, rows);
        for (int index = 0; index < config.layers; ++index) {
            const Layer<const Scalar> layer = model_->layer(index);
            const Layer<Scalar>& tangent = tangents.layers[static_cast<std::size_t>(index)];
            attend(sequences, layer, tangent, worker, rows);
            norm(worker.normalized, worker.x, rows, worker, layer.ffn_norm, tangent.ffn_norm);
            multiply_by(worker.gate, worker.normalized, rows, layer.w1, tangent.w1);
            multiply_by(worker.up, worker.normalized, rows, layer.w3, tangent.w3);
            gate(worker, rows);
            multiply_by(worker.x, worker.gate, rows, layer.w2, tangent.w2, true);
        }
        classify(sequences, group, tangents, worker, sums, derivatives);
    }

    void embed(std::span<const Sequence> sequences, const Tangents<Scalar>& tangents, Worker& worker, Index rows) const {
        const Config& config = model_->config();
        const Adapters& adapters = model_->adapters();
        const auto row_of = [&](std::span<const Scalar> values, Index row) { return weights(values, row + 1, config.dim).row(row); };
        const auto put = [&](Index at, std::span<const Scalar> values, std::span<const Scalar> tangent, Index row) {
            worker.x.value.row(at) = row_of(values, row);
            if (!tangent.empty()) worker.x.derivative.row(at) = row_of(tangent, row);
        };
        worker.x.value.topRows(rows).setZero();
        worker.x.derivative.topRows(rows).setZero();
        Index at = 0;
        for (const Sequence& sequence : sequences) {
            at += adapters.prefix;
            for (Index i = 0; i < adapters.prompt; ++i) put(at++, model_->prompt(), tangents.prompt, i);
            for (Index i = 0; i < sequence.inputs(); ++i) {
                put(at++, model_->token_embedding(), tangents.token_embedding, sequence.tokens[static_cast<std::size_t>(i)]);
            }
        }
    }

    /// gate = silu(gate) * up.
    static void gate(Worker& worker, Index rows) {
        auto sigmoid = worker.scratch.head(rows);
        for (Index column = 0; column < worker.gate.value.cols(); ++column) {
            auto a = worker.gate.value.col(column).head(rows).array();
            auto da = worker.gate.derivative.col(column).head(rows).array();
            const auto b = worker.up.value.col(column).head(rows).array();
            sigmoid = ((-a).exp() + Scalar(1)).inverse();
            da = da * b * sigmoid * (Scalar(1) + a * (Scalar(1) - sigmoid)) + a * sigmoid * worker.up.derivative.col(column).head(rows).array();
            a = a * sigmoid * b;
        }
    }

    void attend(std::span<const Sequence> sequences, const Layer<const Scalar>& layer, const Layer<Scalar>& tangent, Worker& worker, Index rows) const {
        norm(worker.normalized, worker.x, rows, worker, layer.attention_norm, tangent.attention_norm);
        multiply_by(worker.q, worker.normalized, rows, layer.wq, tangent.wq);
        multiply_by(worker.k, worker.normalized, rows, layer.wk, tangent.wk);
        multiply_by(worker.v, worker.normalized, rows, layer.wv, tangent.wv);
        add_lora(worker.q, worker.normalized, rows, worker, layer.lora_aq, tangent.lora_aq, layer.lora_bq, tangent.lora_bq);
        add_lora(worker.v, worker.normalized, rows, worker, layer.lora_av, tangent.lora_av, layer.lora_bv, tangent.lora_bv);
        Index begin = 0;
        for (const Sequence& sequence : sequences) {
            const Index length = model_->adapters().virtual_tokens() + sequence.inputs();
            const auto part = [begin, length](auto& matrix) { return matrix.middleRows(begin, length); };
            for (Pair* pair : {&worker.q, &worker.k}) {
                rotate<false, Scalar>(part(pair->value), rope_, worker.scratch.head(length));
                rotate<false, Scalar>(part(pair->derivative), rope_, worker.scratch.head(length));
            }
            prefix(part(worker.k.value), part(worker.k.derivative), layer.prefix_keys, tangent.prefix_keys);
            prefix(part(worker.v.value), part(worker.v.derivative), layer.prefix_values, tangent.prefix_values);
            for (Index head = 0; head < model_->config().heads; ++head) attend_head(worker, begin, length, head);
            begin += length;
        }
        multiply_by(worker.x, worker.normalized, rows, layer.wo, tangent.wo, true);
    }

    static void prefix(View<Scalar> value, View<Scalar> derivative, std::span<const Scalar> values, std::span<const Scalar> tangent) {
        if (values.empty()) return;
        put_prefix<Scalar>(value, values);
        derivative.topRows(static_cast<Index>(values.size()) / value.cols()).setZero();
        put_prefix<Scalar>(derivative, tangent);
    }

    /// With P a head's probabilities: O = P V, dS = (dQ K^T + Q dK^T) / sqrt(head_size), dP = P (dS - rowsum(P dS)), dO = dP V + P dV.
    void attend_head(Worker& worker, Index begin, Index length, Index head) const {
        const Config& config = model_->config();
        const Index size = config.head_size(), shared = head / (config.heads / config.kv_heads) * size;
        const auto own_part = [&](auto& matrix) { return matrix.block(begin, head * size, length, size); };
        const auto shared_part = [&](auto& matrix) { return matrix.block(begin, shared, length, size); };
        const auto scale = static_cast<Scalar>(1 / std::sqrt(static_cast<double>(size)));
        auto probabilities = worker.probabilities.topLeftCorner(length, length), scores = worker.scores.topLeftCorner(length, length);
        auto dot = worker.scratch.head(length);
        causal_probabilities<Scalar>(own_part(worker.q.value), shared_part(worker.k.value), scale, worker.largest.head(length), dot, probabilities);
        multiply(scores, own_part(worker.q.derivative), shared_part(worker.k.value).transpose());
        multiply_add(scores, own_part(worker.q.value), shared_part(worker.k.derivative).transpose());
        dot.setZero();
        for (Index key = 0; key < length; ++key) {
            scores.col(key).array() *= probabilities.col(key).array() * scale;
            dot += scores.col(key).array();
        }
        for (Index key = 0; key < length; ++key) scores.col(key).array() -= probabilities.col(key).array() * dot;
        multiply(own_part(worker.normalized.value), probabilities, shared_part(worker.v.value));
        multiply(own_part(worker.normalized.derivative), scores, shared_part(worker.v.value));
        multiply_add(own_part(worker.normalized.derivative), probabilities, shared_part(worker.v.derivative));
    }

    void classify(std::span<const Sequence> sequences, const Group& group, const Tangents<Scalar>& tangents, Worker& worker, std::span<Sum> sums,
                  std::span<Sum> derivatives) const {
        using std::log;
        const Index rows = padded(group.targets);
        const Index before = model_->adapters().virtual_tokens();
        Index from = before, to = 0;
        for (const Sequence& sequence : sequences) {
            for (const auto& [target, source] : {std::pair{&worker.q.value, &worker.x.value}, std::pair{&worker.q.derivative, &worker.x.derivative}}) {
                target->middleRows(to, sequence.targets()) = source->middleRows(from + sequence.first_target - 1, sequence.targets());
            }
            from += sequence.inputs() + before;
            to += sequence.targets();
        }
        worker.q.value.middleRows(to, rows - to).setZero();
        worker.q.derivative.middleRows(to, rows - to).setZero();
        norm(worker.normalized, worker.q, rows, worker, model_->final_norm(), tangents.final_norm);
        multiply_by(worker.logits, worker.normalized, rows, model_->classifier(), tangents.classifier());

        auto logits = worker.logits.value.topRows(rows), dlogits = worker.logits.derivative.topRows(rows);
        auto largest = worker.largest.head(rows), sum = worker.scale.head(rows), mean = worker.scratch.head(rows);
        largest = logits.rowwise().maxCoeff().array();
        sum.setZero();
        mean.setZero();
        Index row = 0;
        for (std::size_t place = 0; place < sequences.size(); ++place) {
            sums[place] = derivatives[place] = Sum(0);
            for (Index target = 0; target < sequences[place].targets(); ++target, ++row) {
                const int token = sequences[place].tokens[static_cast<std::size_t>(sequences[place].first_target + target)];
                sums[place] += static_cast<Sum>(logits(row, token) - largest[row]);
                derivatives[place] += static_cast<Sum>(dlogits(row, token));
            }
        }
        for (Index token = 0; token < logits.cols(); ++token) {
            logits.col(token).array() = (logits.col(token).array() - largest).exp();
            sum += logits.col(token).array();
            mean += logits.col(token).array() * dlogits.col(token).array();
        }
        mean /= sum;
        row = 0;
        for (std::size_t place = 0; place < sequences.size(); ++place) {
            for (Index target = 0; target < sequences[place].targets(); ++target, ++row) {
                sums[place] -= log(static_cast<Sum>(sum[row]));
                derivatives[place] -= static_cast<Sum>(mean[row]);
            }
        }
    }

    const Model<Scalar>* model_;
    RopeTable<Scalar> rope_;
    std::vector<Worker> workers_;
    Batch batch_;
};

// Not inline: what only calls them does not compile them.

template <class Scalar>
void ForwardMode<Scalar>::log_probabilities(std::span<const Sequence> sequences, Tangents<Scalar> tangents, std::span<Sum> sums,
                                            std::span<Sum> derivatives) {
    if (sums.size() != sequences.size() || derivatives.size() != sequences.size()) throw std::invalid_argument("there must be one sum for each sequence");
    if (!tangents.fit(*model_)) throw std::invalid_argument("the tangents have another shape than the model");
    batch_.assign(sequences, model_->config(), model_->adapters().virtual_tokens());
    rope_.reserve(batch_.positions());
    for (Worker& worker : workers_) worker.reserve(*model_, batch_.max_rows());
    for_each_index(batch_.groups().size(), static_cast<int>(workers_.size()), [&](std::size_t index, int thread) {
        const Group& group = batch_.groups()[index];
        const std::size_t size = group.last - group.first;
        run(sequences.subspan(group.first, size), group, tangents, workers_[static_cast<std::size_t>(thread)], sums.subspan(group.first, size),
            derivatives.subspan(group.first, size));
    });
}

extern template class ForwardMode<float>;  // of the library

}  // namespace llama
