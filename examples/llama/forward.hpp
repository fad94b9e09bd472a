#pragma once

#include <cstddef>
#include <span>
#include <stdexcept>
#include <vector>

#include "attention.hpp"
#include "batch.hpp"
#include "cross_entropy.hpp"
#include "layers.hpp"
#include "model.hpp"
#include "threads.hpp"

namespace llama {

/// The forward pass over a batch of sequences, of any lengths, through the model and its adapters.
///
/// It reads the weights from the model's memory at each call and keeps nothing of them, so that they may change in between. The
/// scratch memory grows to what a batch needs and is kept: a call with a batch no larger than an earlier one allocates nothing.
/// The result does not depend on the number of threads, bit for bit.
///
/// On request it keeps the input of every layer, so that a further pass over the same batch begins at the first layer that has changed.
template <class Scalar>
class Forward {
public:
    using Sum = typename Accumulator<Scalar>::type;

    /// The model must outlive this. `threads` 0 takes what OpenMP offers; without OpenMP there is one.
    explicit Forward(const Model<Scalar>& model, int threads = 0) : model_(&model), rope_(model.config()) { set_threads(threads); }

    void set_threads(int threads) { workers_.resize(static_cast<std::size_t>(thread_count(threads))); }
    int threads() const { return static_cast<int>(workers_.size()); }

    /// Keeps (layers + 1) * dim scalars a row of the batch from now on. The caller then says what happens between passes: forget() before
    /// a pass over another batch, changed() after a change of weights.
    void keep_inputs(bool keep) {
        keep_ = keep;
        forget();
    }
    void forget() { kept_ = -1; }
    /// The weights of `layer` have changed, or of more layers, of which it is the first: -1 for the token embedding and the prompt, the
    /// number of layers for the final norm and the classifier.
    void changed(int layer) { kept_ = std::min(kept_, layer); }

    /// Mean negative log-likelihood, in nats, of all counted targets of the batch.
    /// Throws std::invalid_argument for an empty batch or a sequence the model cannot read (see Batch).
    Sum loss(std::span<const Sequence> sequences);

    /// sums[i] = log-probability of sequence i's counted targets, summed. Throws as loss() does, or if there is not one sum a sequence.
    void log_probabilities(std::span<const Sequence> sequences, std::span<Sum> sums);

private:
    using Index = Eigen::Index;

    /// Activations of one thread's group, a token a row.
    struct Worker {
        Matrix<Scalar> x, normalized, q, k, v, gate, up, low;
        Vector<Scalar> scale;
        AttentionScratch<Scalar> attention;
        CrossEntropyScratch<Scalar> cross_entropy;

        void reserve(const Model<Scalar>& model, Index most) {
            const Config& config = model.config();
            const Index rows = padded(most);
            if (x.rows() >= rows && low.cols() == model.adapters().rank) return;
            for (Matrix<Scalar>* matrix : {&x, &normalized, &q}) matrix->resize(rows, config.dim);
            for (Matrix<Scalar>* matrix : {&k, &v}) matrix->resize(rows, config.kv_dim());
            for (Matrix<Scalar>* matrix : {&gate, &up}) matrix->resize(rows, config.hidden);
            low.resize(rows, model.adapters().rank);
            scale.resize(rows);
            attention.reserve(config.head_size(), rows);
            cross_entropy.reserve(rows, config.vocab);
        }
    };

    void run(std::span<const Sequence> sequences, const Group& group, Worker& worker, std::span<Sum> sums) {
        const Config& config = model_->config();
        const Index rows = padded(group.rows);
        const auto top = [rows](auto& matrix) { return matrix.topRows(rows); };
        const auto kept = [&](int layer) { return inputs_[static_cast<std::size_t>(layer)].middleRows(group.first_row, group.rows); };
        if (kept_ < 0) {
            embed(sequences, top(worker.x));
        } else {
            worker.x.topRows(group.rows) = kept(kept_);
        }
        worker.x.middleRows(group.rows, rows - group.rows).setZero();  // rows that only pad stay finite
        for (int index = std::max(kept_, 0); index < config.layers; ++index) {
            if (keep_ && index != kept_) kept(index) = worker.x.topRows(group.rows);
            const Layer<const Scalar> layer = model_->layer(index);
            attend(sequences, layer, worker, rows);
            auto x = top(worker.x), normalized = top(worker.normalized), gate = top(worker.gate), up = top(worker.up);
            rms_norm<Scalar>(x, layer.ffn_norm, worker.scale.head(rows), normalized);
            multiply(gate, normalized, weights(layer.w1, config.hidden, config.dim).transpose());
            multiply(up, normalized, weights(layer.w3, config.hidden, config.dim).transpose());
            swiglu<Scalar>(gate, up);
            multiply_add(x, gate, weights(layer.w2, config.dim, config.hidden).transpose());
        }
        if (keep_ && kept_ != config.layers) kept(config.layers) = worker.x.topRows(group.rows);
        classify(sequences, group, worker, sums);
    }

    void embed(std::span<const Sequence> sequences, View<Scalar> x) const {
        const Adapters& adapters = model_->adapters();
        const auto embedding = weights(model_->token_embedding(), model_->config().vocab, model_->config().dim);
        const auto prompt = weights(model_->prompt(), adapters.prompt, model_->config().dim);
        Index row = 0;
        for (const Sequence& sequence : sequences) {
            for (Index i = 0; i < adapters.prefix; ++i) x.row(row++).setZero();  // each layer puts keys and values of its own in their places
            for (Index i = 0; i < adapters.prompt; ++i) x.row(row++) = prompt.row(i);
            for (Index i = 0; i < sequence.inputs(); ++i) x.row(row++) = embedding.row(sequence.tokens[static_cast<std::size_t>(i)]);
        }
    }

    /// x += wo * attention(norm(x)).
    void attend(std::span<const Sequence> sequences, const Layer<const Scalar>& layer, Worker& worker, Index rows) const {
        const Config& config = model_->config();
        const auto top = [rows](auto& matrix) { return matrix.topRows(rows); };
        auto x = top(worker.x), normalized = top(worker.normalized), q = top(worker.q), k = top(worker.k), v = top(worker.v);
        rms_norm<Scalar>(x, layer.attention_norm, worker.scale.head(rows), normalized);
        multiply(q, normalized, weights(layer.wq, config.dim, config.dim).transpose());
        multiply(k, normalized, weights(layer.wk, config.kv_dim(), config.dim).transpose());
        multiply(v, normalized, weights(layer.wv, config.kv_dim(), config.dim).transpose());
        add_lora<Scalar>(q, normalized, layer.lora_aq, layer.lora_bq, model_->adapters().scale(), top(worker.low));
        add_lora<Scalar>(v, normalized, layer.lora_av, layer.lora_bv, model_->adapters().scale(), top(worker.low));
        Index begin = 0;
        for (const Sequence& sequence : sequences) {
            const Index length = model_->adapters().virtual_tokens() + sequence.inputs();
            const auto part = [begin, length](auto& matrix) { return matrix.middleRows(begin, length); };
            rotate<false, Scalar>(part(worker.q), rope_, worker.scale.head(length));
            rotate<false, Scalar>(part(worker.k), rope_, worker.scale.head(length));
            put_prefix<Scalar>(part(worker.k), layer.prefix_keys);
            put_prefix<Scalar>(part(worker.v), layer.prefix_values);
            causal_attention<Scalar>(part(worker.q), part(worker.k), part(worker.v), config.head_size(), worker.attention, part(worker.normalized));
            begin += length;
        }
        multiply_add(x, normalized, weights(layer.wo, config.dim, config.dim).transpose());
    }

    /// The log-probabilities of the counted targets, from the rows of x that predict them.
    void classify(std::span<const Sequence> sequences, const Group& group, Worker& worker, std::span<Sum> sums) const {
        const Index rows = padded(group.targets);
        Index from = model_->adapters().virtual_tokens(), to = 0;
        for (const Sequence& sequence : sequences) {
            worker.q.middleRows(to, sequence.targets()) = worker.x.middleRows(from + sequence.first_target - 1, sequence.targets());
            from += sequence.inputs() + model_->adapters().virtual_tokens();
            to += sequence.targets();
        }
        worker.q.middleRows(to, rows - to).setZero();
        auto normalized = worker.normalized.topRows(rows);
        rms_norm<Scalar>(worker.q.topRows(rows), model_->final_norm(), worker.scale.head(rows), normalized);

        // Rows come in the order of the sequences' counted targets; both cursors walk along.
        struct Cursor {
            std::size_t sequence = 0;
            Index row = 0;
        };
        for (Sum& sum : sums) sum = Sum(0);
        const auto locate = [&](Cursor& cursor, Index row) -> const Sequence& {
            if (row < cursor.row) cursor = {};
            while (row - cursor.row >= sequences[cursor.sequence].targets()) cursor.row += sequences[cursor.sequence++].targets();
            return sequences[cursor.sequence];
        };
        Cursor reading, adding;
        const auto target = [&](Index row) {
            const Sequence& sequence = locate(reading, row);
            return static_cast<Index>(sequence.tokens[static_cast<std::size_t>(sequence.first_target + row - reading.row)]);
        };
        const auto add = [&](Index row, Sum value) {
            locate(adding, row);
            sums[adding.sequence] += value;
        };
        log_likelihoods<Scalar>(normalized, weights(model_->classifier(), model_->config().vocab, model_->config().dim), group.targets, target,
                                worker.cross_entropy, add);
    }

    const Model<Scalar>* model_;
    RopeTable<Scalar> rope_;
    std::vector<Worker> workers_;
    Batch batch_;
    std::vector<Sum> sums_;
    std::vector<Matrix<Scalar>> inputs_;  // of each layer, and of the classifier, for the rows of the batch
    bool keep_ = false;
    int kept_ = -1;  // the last of them that holds for the weights as they are
};

// Not inline: what only calls them does not compile them.

template <class Scalar>
auto Forward<Scalar>::loss(std::span<const Sequence> sequences) -> Sum {
    if (sequences.empty()) throw std::invalid_argument("the batch is empty");
    sums_.resize(sequences.size());
    log_probabilities(sequences, sums_);
    Sum total(0);
    for (const Sum& sum : sums_) total -= sum;
    return total / static_cast<Sum>(static_cast<double>(batch_.targets()));
}

template <class Scalar>
void Forward<Scalar>::log_probabilities(std::span<const Sequence> sequences, std::span<Sum> sums) {
    if (sums.size() != sequences.size()) throw std::invalid_argument("there must be one sum for each sequence");
    const int layers = model_->config().layers;
    batch_.assign(sequences, model_->config(), model_->adapters().virtual_tokens());
    rope_.reserve(batch_.positions());
    for (Worker& worker : workers_) worker.reserve(*model_, batch_.max_rows());
    if (keep_) {
        inputs_.resize(static_cast<std::size_t>(layers) + 1);
        for (Matrix<Scalar>& matrix : inputs_) {
            if (matrix.rows() < batch_.rows()) matrix.resize(batch_.rows(), model_->config().dim);
        }
    }
    for_each_index(batch_.groups().size(), threads(), [&](std::size_t index, int thread) {
        const Group& group = batch_.groups()[index];
        run(sequences.subspan(group.first, group.last - group.first), group, workers_[static_cast<std::size_t>(thread)],
            sums.subspan(group.first, group.last - group.first));
    });
    if (keep_) kept_ = layers;
}

extern template class Forward<float>;  // of the library

}  // namespace llama
