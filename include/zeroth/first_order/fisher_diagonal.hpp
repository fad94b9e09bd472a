#pragma once

#include <zeroth/ground/array.hpp>
#include <zeroth/first_order/first_order_optimizer.hpp>
#include <zeroth/parameters/parameters.hpp>
#include <zeroth/updates/moments.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>

ZEROTH_BEGIN_NAMESPACE

/// How sensitive the loss is to each weight: the diagonal of the empirical Fisher information, up to a factor.
///
///   f_i = sum over the calls of (dL/dtheta_i)^2
///
/// For BitMasks: the weights with the largest f are trained, the others stand still. The gradients may be of other data than the
/// task's, and are needed once, before the run: the run itself needs forward passes alone.
///
///     zeroth::FisherDiagonal fisher{parameters};
///     for (const Batch& batch : sample) {
///         fisher.add([&](std::span<const zeroth::GradientBlock> gradient) { return model.backward(batch, gradient); });
///     }
///     bits.keep_largest_of_all(fisher.scores(), 0.001);
///
/// Calls of the GradientFn: 1 each time. Memory: 8 bytes a parameter (12 for float64) for the gradient and the sum, until it is destroyed.
/// The sum is in float: derivatives under 1e-22 count for nothing, and it ends at float's largest number.
/// Throws std::invalid_argument for parameters without a block.
/// Source: Guo et al. (SensZOQ), arXiv 2406.02913.
class FisherDiagonal {
  public:
    /// Zeros.
    explicit FisherDiagonal(const Parameters& parameters)
        : parameters_{parameters}, sums_(parameters_.size()), gradient_{parameters_.blocks()}, views_(parameters_.blocks().size()), scores_(parameters_.blocks().size()) {
        const std::span<const Block> blocks = parameters_.blocks();
        require_blocks(blocks);
        std::size_t begin = 0;
        for (std::size_t b = 0; b < blocks.size(); ++b) {
            const ScalarType type = blocks[b].type == ScalarType::float64 ? ScalarType::float64 : ScalarType::float32;
            views_[b] = {blocks[b].name, gradient_.of(b), type, blocks[b].size()};
            scores_[b] = {sums_.data() + begin, blocks[b].size()};
            begin += blocks[b].size();
        }
    }
    FisherDiagonal(const FisherDiagonal&) = delete;
    FisherDiagonal& operator=(const FisherDiagonal&) = delete;

    /// Adds the squared gradient of one batch, and returns its loss; adds nothing if that, or a derivative, is not finite (which the
    /// return value then is not either). Small batches tell more: of a large one the squares are of a mean.
    template <GradientFn F>
    double add(F&& gradient_fn) {
        gradient_.clear();
        const double loss = static_cast<double>(gradient_fn(std::span<const GradientBlock>{views_.data(), views_.size()}));
        if (!std::isfinite(loss)) {
            return loss;
        }
        for (const bool adds : {false, true}) {
            float* sum = sums_.data();
            for (const GradientBlock& view : views_) {
                for (std::size_t i = 0; i < view.size; ++i, ++sum) {
                    const double g = view.type == ScalarType::float64 ? static_cast<const double*>(view.data)[i]
                                                                      : static_cast<double>(static_cast<const float*>(view.data)[i]);
                    if (adds) {
                        *sum = static_cast<float>(std::fmin(static_cast<double>(*sum) + g * g, largest));
                    } else if (!std::isfinite(g)) {
                        return g;
                    }
                }
            }
        }
        ++calls_;
        return loss;
    }

    /// f of each block's weights, in the order of the parameters.
    [[nodiscard]] std::span<const std::span<const float>> scores() const noexcept { return {scores_.data(), scores_.size()}; }
    /// Batches that were added.
    [[nodiscard]] std::uint64_t calls() const noexcept { return calls_; }

  private:
    static constexpr double largest = 0x1.FFFFFEp127;

    Parameters parameters_;
    Array<float> sums_;
    Moment gradient_;
    Array<GradientBlock> views_;
    Array<std::span<const float>> scores_;
    std::uint64_t calls_ = 0;
};

ZEROTH_END_NAMESPACE
