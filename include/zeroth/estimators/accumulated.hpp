#pragma once

#include <zeroth/estimators/estimate.hpp>
#include <zeroth/ground/setting.hpp>

#include <concepts>
#include <cstddef>
#include <type_traits>
#include <utility>

ZEROTH_BEGIN_NAMESPACE

/// Gradient accumulation: a ForwardFn that returns the mean loss of `count` micro-batches, loss_of(0) to loss_of(count - 1), all at the same
/// weights: as many traversals as one batch takes, in the memory of a micro-batch.
///
///     optimizer.step(zeroth::Accumulated{8, [&](std::size_t micro) { return model.loss(batches[micro]); }});
///
/// Micro-batches of different sizes: return the sum times (count / total) in place of the mean.
/// Throws std::invalid_argument if count is 0.
template <class F>
    requires std::convertible_to<std::invoke_result_t<F&, std::size_t>, double>
class Accumulated {
  public:
    Accumulated(std::size_t count, F loss_of) : count_{count}, loss_of_{std::move(loss_of)} {
        require_setting(count > 0, "count", static_cast<double>(count), "at least 1");
    }

    double operator()() {
        double sum = 0;
        for (std::size_t micro = 0; micro < count_; ++micro) {
            sum += static_cast<double>(loss_of_(micro));
        }
        return sum / static_cast<double>(count_);
    }

  private:
    std::size_t count_;
    F loss_of_;
};

ZEROTH_END_NAMESPACE
