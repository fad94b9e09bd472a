#pragma once

#include <zeroth/first_order.hpp>
#include <zeroth/optimizer.hpp>

#include <cmath>
#include <cstddef>
#include <string_view>
#include <utility>

ZEROTH_BEGIN_NAMESPACE

/// Hybrid descent: some blocks by back-propagation, the rest by forward passes alone; one step, one batch, a rule for each side.
///
/// Both gradients are taken at the same weights. Back-propagation may stop at the lowest of the first-order blocks: give it the last layers.
/// Forward passes: the estimator's and 1 call of the GradientFn. Traversals: the optimizer's over the zeroth-order blocks, 1 over the others.
/// State: the zeroth-order side's, and 4 bytes a parameter plus its rule's on the first-order side.
/// Throws std::invalid_argument for a setting out of range.
/// Source: described by Zhang et al., arXiv 2402.11592, section 4, whose code does not have it.
template <Estimator E, UpdateRule Rule, UpdateRule FirstRule, class Restore = InPlace, Backend B = Reference>
class HybridOptimizer {
  public:
    HybridOptimizer(const Parameters& zeroth_order, E estimator, Rule rule, const Parameters& first_order, FirstRule first_rule,
                    Settings<Restore> settings = {}, B backend = {})
        : zeroth_order_{zeroth_order, std::move(estimator), std::move(rule), settings, backend},
          first_order_{first_order, std::move(first_rule), settings.seed, backend} {}

    /// If either callable throws, or either's loss is not finite, no weight of either side changes.
    template <ForwardFn F, GradientFn G>
    StepReport step(F&& forward, G&& gradient_fn) {
        zeroth_order_.settle();
        if (!std::isfinite(first_order_.gradient(gradient_fn))) {
            return first_order_.update(); // which is none, and says why
        }
        StepReport report = zeroth_order_.step(forward);
        if (report.reason == Reason::updated || report.reason == Reason::kept) {
            report.traversals += first_order_.update().traversals;
        }
        report.forward_passes += 1;
        return report;
    }

    void settle() { zeroth_order_.settle(); }
    [[nodiscard]] std::size_t state_bytes() const noexcept { return zeroth_order_.state_bytes() + first_order_.state_bytes(); }
    [[nodiscard]] std::string_view backend() const noexcept { return zeroth_order_.backend(); }

  private:
    Optimizer<E, Rule, Restore, B> zeroth_order_;
    FirstOrderOptimizer<FirstRule, B> first_order_;
};

ZEROTH_END_NAMESPACE
