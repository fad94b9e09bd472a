#pragma once

#include <zeroth/first_order/first_order_optimizer.hpp>
#include <zeroth/ground/one_call.hpp>
#include <zeroth/optimizer.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string_view>
#include <utility>

ZEROTH_BEGIN_NAMESPACE

/// Hybrid descent: some blocks by back-propagation, the rest by forward passes alone; one step, one batch, a rule for each side.
///
/// Both gradients are taken at the same weights. Back-propagation may stop at the lowest of the first-order blocks: give it the last layers.
/// Forward passes: the estimator's and 1 call of the GradientFn. Traversals: the optimizer's over the zeroth-order blocks, 1 over the others.
/// State: the zeroth-order side's, and 4 bytes a parameter plus its rule's on the first-order side.
/// Throws std::invalid_argument for a setting out of range, and for a block on both sides.
/// Source: described by Zhang et al., arXiv 2402.11592, section 4, whose code does not have it.
template <Estimator E, UpdateRule Rule, UpdateRule FirstRule, class Restore = InPlace, Backend B = Reference>
class HybridOptimizer {
    using ZerothOrder = Optimizer<E, Rule, Restore, B>;

  public:
    HybridOptimizer(const Parameters& zeroth_order, E estimator, Rule rule, const Parameters& first_order, FirstRule first_rule,
                    Settings<Restore> settings = {}, B backend = {})
        : step_{settings.first_step}, zeroth_order_{checked(zeroth_order, first_order), std::move(estimator), std::move(rule), settings, backend},
          first_order_{first_order, std::move(first_rule), Settings<>{.seed = settings.seed}, backend} {}

    /// Goes on where another was saved, as Optimizer does.
    HybridOptimizer(const Parameters& zeroth_order, E estimator, Rule rule, const Parameters& first_order, FirstRule first_rule,
                    Settings<Restore> settings, B backend, Resume resume)
        : step_{settings.first_step}, zeroth_order_{checked(zeroth_order, first_order), std::move(estimator), std::move(rule), settings, backend,
                                                    typename ZerothOrder::Later{}},
          first_order_{first_order, std::move(first_rule), Settings<>{.seed = settings.seed}, backend} {
        StateReader reader{std::move(resume.source)};
        step_ = reader.number<std::uint64_t>("step");
        typename ZerothOrder::Loaded loaded = zeroth_order_.load(reader, resume.other_blocks);
        first_order_.load(reader, resume.other_blocks);
        reader.finish();
        zeroth_order_.go_on(std::move(loaded));
    }
    /// Writes all that this run needs to go on with the same bits, beside the weights as they stand (Optimizer::save).
    void save(StateSink sink) {
        const OneCall::Inside inside{one_call_};
        StateWriter writer{std::move(sink)};
        writer.number("step", step_);
        zeroth_order_.write(writer);
        first_order_.write(writer);
        writer.finish();
    }

    /// The report's losses, terms and update's size are of the zeroth-order side.
    /// If either callable throws, or either's loss is not finite, no weight of either side changes; one that throws is not counted as a step.
    template <ForwardFn F, GradientFn G>
    StepReport step(F&& forward, G&& gradient_fn) {
        const OneCall::Inside inside{one_call_};
        zeroth_order_.settle();
        zeroth_order_.set_next_step(step_);
        first_order_.set_next_step(step_);
        if (!std::isfinite(first_order_.gradient(gradient_fn))) {
            ++step_;
            return first_order_.update(); // which is none, and says why
        }
        StepReport report = zeroth_order_.step(forward);
        ++step_;
        if (report.reason == Reason::updated || report.reason == Reason::kept) {
            const StepReport of_gradient = first_order_.update();
            report.traversals += of_gradient.traversals;
            report.seconds_in_loss += of_gradient.seconds_in_loss;
            report.seconds_in_traversals += of_gradient.seconds_in_traversals;
        }
        report.forward_passes += 1;
        return report;
    }

    /// Of the zeroth-order side, and of the other, from the next step on.
    void set_learning_rate(Schedule learning_rate) {
        const OneCall::Inside inside{one_call_};
        zeroth_order_.set_learning_rate(std::move(learning_rate));
    }
    void set_first_order_rate(Schedule learning_rate) {
        const OneCall::Inside inside{one_call_};
        first_order_.set_learning_rate(std::move(learning_rate));
    }
    void settle() {
        const OneCall::Inside inside{one_call_};
        zeroth_order_.settle();
    }
    /// To be called after the caller has changed weights of either side himself, between steps.
    void adopt_weights() {
        const OneCall::Inside inside{one_call_};
        zeroth_order_.adopt_weights();
    }
    /// Shuts out all other calls, as Optimizer's does.
    [[nodiscard]] OneCall& one_call() noexcept { return one_call_; }
    /// Of a step, the call of the GradientFn included.
    [[nodiscard]] std::size_t forward_passes() const { return zeroth_order_.forward_passes() + 1; }
    /// Number of the next step.
    [[nodiscard]] std::uint64_t steps() const noexcept { return step_; }
    [[nodiscard]] std::size_t state_bytes() const noexcept { return zeroth_order_.state_bytes() + first_order_.state_bytes(); }
    [[nodiscard]] std::string_view backend() const noexcept { return zeroth_order_.backend(); }

  private:
    static const Parameters& checked(const Parameters& zeroth_order, const Parameters& first_order) {
        for (const Block& block : zeroth_order.blocks()) {
            for (const Block& other : first_order.blocks()) {
                if (block.identity.hash == other.identity.hash) {
                    throw std::invalid_argument{"zeroth: block '" + block.name + "' is on both sides of the hybrid"};
                }
            }
        }
        return zeroth_order;
    }

    OneCall one_call_;
    std::uint64_t step_;
    ZerothOrder zeroth_order_;
    FirstOrderOptimizer<FirstRule, B> first_order_;
};

ZEROTH_END_NAMESPACE
