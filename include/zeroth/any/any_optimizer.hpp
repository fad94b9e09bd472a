#pragma once

#include <zeroth/any/any_loss.hpp>
#include <zeroth/any/method.hpp>
#include <zeroth/estimators/estimator.hpp>
#include <zeroth/parameters/parameters.hpp>
#include <zeroth/parameters/partition.hpp>
#include <zeroth/resume.hpp>
#include <zeroth/settings.hpp>
#include <zeroth/step_report.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

ZEROTH_BEGIN_NAMESPACE

/// What concerns an AnyOptimizer's loop, not its method: see Settings.
struct AnySettings {
    std::uint64_t seed = 0;
    std::uint64_t first_step = 0;
    Settling settling = Settling::each_step;
    /// 0: as many as OpenMP would use. They change no bit.
    int threads = 0;
};

/// What an AnyOptimizer trains: all blocks together; by a partition, block-wise; or as a hybrid, some of them by first-order gradients.
struct Trained {
    Parameters parameters{};
    /// Of the parameters; none: one step moves them all.
    Partition partition{};
    /// None: no hybrid.
    Parameters first_order{};
};

/// An optimizer of a method that is chosen at run time.
///
///     zeroth::AnyOptimizer optimizer{parameters, zeroth::Method::from("estimator=fzoo direction=rademacher learning-rate=1e-4")};
///     zeroth::StepReport report = optimizer.step([&] { return model.loss(batch); });
///
/// The bits of the Optimizer of the same types (BlockOptimizer, HybridOptimizer, FirstOrderOptimizer), on the widest registers and all
/// threads. Its code is compiled once, in zeroth::any: link that, or include <zeroth/any/sources.hpp> in one file.
/// Memory: the optimizer's; a mask's bits, where it is chosen by the weights. Numbers of directions go through at most 64 KiB of scratch
/// a thread.
/// Throws std::invalid_argument from the constructor for a name that there is not, parts that do not go together, and a setting out of range.
class AnyOptimizer {
  public:
    AnyOptimizer(const Parameters& parameters, const Method& method, const AnySettings& settings = {});
    AnyOptimizer(const Trained& trained, const Method& method, const AnySettings& settings = {});
    /// Goes on where another was saved, as Optimizer does. Its mask is the saved one.
    AnyOptimizer(const Parameters& parameters, const Method& method, const AnySettings& settings, Resume resume);
    AnyOptimizer(const Trained& trained, const Method& method, const AnySettings& settings, Resume resume);
    AnyOptimizer(AnyOptimizer&&) noexcept;
    AnyOptimizer& operator=(AnyOptimizer&&) noexcept;
    ~AnyOptimizer();

    /// One step with the loss that the method needs: a ForwardFn; forward-gradient a DirectionalFn, first-order a GradientFn, a hybrid a
    /// ForwardFn and a GradientFn. Others beside it are not called. Throws std::invalid_argument where it is not among them.
    template <class... Losses>
        requires(sizeof...(Losses) > 0)
    StepReport step(Losses&&... losses) {
        return step_with(AnyLoss{losses...});
    }
    /// Brings the weights to their base: before an evaluation or a checkpoint when settling lazily.
    void settle();
    /// To be called after the caller has changed the weights himself, between steps.
    void adopt_weights();
    /// From the next step on. Throws std::invalid_argument for a rate that is negative or not finite.
    void set_learning_rate(Schedule learning_rate);
    /// Writes all that this run needs to go on with the same bits, beside the weights as they stand (Optimizer::save).
    void save(StateSink sink);

    [[nodiscard]] const Method& method() const noexcept;
    /// Number of the next step.
    [[nodiscard]] std::uint64_t steps() const noexcept;
    [[nodiscard]] std::string_view backend() const noexcept;
    /// Of a step.
    [[nodiscard]] std::size_t forward_passes() const;
    /// Kept beside the weights.
    [[nodiscard]] std::size_t state_bytes() const;

  private:
    struct Run;

    StepReport step_with(const AnyLoss& loss);

    std::unique_ptr<Run> run_;
};

ZEROTH_END_NAMESPACE
