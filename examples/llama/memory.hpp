#pragma once

#include <algorithm>
#include <cstddef>

#include "attention.hpp"
#include "batch.hpp"
#include "config.hpp"
#include "cross_entropy.hpp"

namespace llama {

/// What the passes hold once they have seen sequences of `inputs` tokens, in bytes of the scalar: reckoned from the shape alone, for plans.
template <class Scalar>
class PassMemory {
public:
    PassMemory(const Config& config, const Adapters& adapters, std::size_t inputs, int threads)
        : dim_(wide(config.dim)), kv_(wide(config.kv_dim())), hidden_(wide(config.hidden)), head_(wide(config.head_size())), rank_(wide(adapters.rank)),
          vocab_(wide(config.vocab)), layers_(config.layers), threads_(wide(threads)) {
        const auto group = static_cast<std::size_t>(Batch::group_rows);
        each_ = inputs + wide(adapters.virtual_tokens());
        rows_ = static_cast<std::size_t>(padded(static_cast<Eigen::Index>(each_ > group ? each_ : group / each_ * each_)));
        table_ = each_ * head_;
    }

    std::size_t forward() const {
        const std::size_t tile = std::min(wide(static_cast<int>(CrossEntropyScratch<Scalar>::tile)), vocab_);
        return bytes(3 * dim_ + 2 * kv_ + 2 * hidden_ + rank_ + 1 + tile + 4, attention());
    }
    /// With the gradients of layers from `lowest` on; those that threads after the first sum up are `gradient` scalars each.
    std::size_t backward(int lowest, std::size_t gradient) const {
        const auto tapes = wide(layers_ - std::max(lowest, 0) + (lowest > 0 ? 1 : 0));
        const std::size_t row = tapes * (6 * dim_ + 2 * kv_ + 2 * hidden_ + 2) + 4 * dim_ + 2 * kv_ + 2 * hidden_ + vocab_ + 2 * rank_ + 3;
        return bytes(row, attention() + 2 * rows_ * rows_ + 2 * rows_) + (threads_ - 1) * gradient * sizeof(Scalar);
    }
    std::size_t forward_mode() const { return bytes(2 * (3 * dim_ + 2 * kv_ + 2 * hidden_ + rank_ + vocab_) + 3, 2 * rows_ * rows_); }
    /// Of Forward::keep_inputs() for a batch of `sequences`.
    std::size_t kept_inputs(std::size_t sequences) const { return wide(layers_ + 1) * dim_ * sequences * each_ * sizeof(Scalar); }

private:
    static std::size_t wide(int value) { return static_cast<std::size_t>(value); }
    std::size_t attention() const { return static_cast<std::size_t>(query_tile) * (head_ + rows_); }
    std::size_t bytes(std::size_t scalars_a_row, std::size_t more) const { return (threads_ * (rows_ * scalars_a_row + more) + table_) * sizeof(Scalar); }

    std::size_t dim_, kv_, hidden_, head_, rank_, vocab_;
    int layers_;
    std::size_t threads_, each_ = 0, rows_ = 0, table_ = 0;
};

}  // namespace llama
