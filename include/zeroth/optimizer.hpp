#pragma once

#include <zeroth/backends/backend.hpp>
#include <zeroth/backends/reference.hpp>
#include <zeroth/backends/weight_scale.hpp>
#include <zeroth/cursor.hpp>
#include <zeroth/estimators/estimate.hpp>
#include <zeroth/estimators/estimator.hpp>
#include <zeroth/parameters/parameters.hpp>
#include <zeroth/settings.hpp>
#include <zeroth/step_report.hpp>
#include <zeroth/updates/update_rule.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

ZEROTH_BEGIN_NAMESPACE

/// Fixes the order of a step: estimate, update, report. The user owns the training loop.
///
///     zeroth::Optimizer optimizer{parameters, zeroth::TwoSidedRge{.epsilon = 1e-3}, zeroth::Sgd{.learning_rate = 1e-6}};
///     for (const Batch& batch : loader) {
///         zeroth::StepReport report = optimizer.step([&] { return model.loss(batch); });
///     }
///
/// The default backend is the scalar reference, since it needs nothing but the standard library; include <zeroth/backends/simd.hpp> and pass
/// zeroth::Simd{} (or zeroth::Threads<zeroth::Simd<>>{}) as the last argument for one that runs at the memory's speed. The report names it.
///
/// Memory: no copy of the weights unless the restore policy keeps one; no allocation in a step.
/// The weights must outlive the optimizer. Settling lazily, its destructor settles.
/// The first step, and the first after adopt_weights(), measures the weights' scale where the reports can tell an update's size: two
/// traversals more, which read. traversals() counts them, the step's report does not.
/// Throws std::invalid_argument from the constructor for a setting out of range, naming it, and for parameters without a block.
template <Estimator E, UpdateRule Rule, class Restore = InPlace, Backend B = Reference>
class Optimizer {
    static_assert(memory_space_of<B> == MemorySpace::host || Rule::state_bytes_per_parameter == 0 || StatefulRule<Rule>,
                  "zeroth: the rule keeps its state on the host, where the backend's traversals do not reach; see StatefulRule");
    static_assert(measures_curvature<E> || !needs_curvature<Rule>, "zeroth: the rule needs an estimator that measures curvature: HizooRge");

  public:
    Optimizer(const Parameters& parameters, E estimator, Rule rule, Settings<Restore> settings = {}, B backend = {})
        : estimator_{(estimator.validate(), std::move(estimator))}, rule_{(rule.validate(), std::move(rule))},
          settings_{settings}, backend_name_{backend.name()}, step_{settings.first_step},
          cursor_{parameters, estimator_.direction, settings.restore, backend, estimator_.reach(), estimator_.max_terms(), max_gradient_terms()} {
        estimate_.terms.reserve(estimator_.max_terms());
        estimate_.losses.reserve(forward_passes());
        if constexpr (measures_curvature<E>) {
            estimate_.curvatures.reserve(estimator_.max_terms());
        }
        if constexpr (knows_size) {
            scale_ = WeightScale{cursor_.parameters().blocks().size()};
        }
        gradient_.reserve(max_gradient_terms());
        prepare_rule(rule_, cursor_.parameters().blocks(), estimator_.max_terms(), state_allocator_of(cursor_.backend()));
    }
    /// The run goes on in the new one, with the same bits, whatever is pending; the old one may only be destroyed or assigned to.
    Optimizer(Optimizer&&) noexcept = default;
    /// Settles the run that it has had.
    Optimizer& operator=(Optimizer&& other) noexcept {
        if (this != &other) { // the cursor first, while the rule's state is there
            std::destroy_at(this);
            std::construct_at(this, std::move(other));
        }
        return *this;
    }
    ~Optimizer() = default;

    /// One step. `forward` is called estimator.forward_passes() times and must see the weights in memory as they then are.
    /// If it throws, or the parameters' hook does meanwhile, the weights go back to what they were before the step (bit for bit with Exact or
    /// Snapshot, to rounding with InPlace), the step is not counted, and the exception goes on to the caller. If a loss is not finite, or the
    /// update is not, they go back likewise, the report says so, and the step is counted. (A hook that throws when told of the update
    /// itself: the step is made, and counted.)
    template <class F>
        requires accepts<E, F>
    StepReport step(F&& forward) {
        probe(forward);
        return conclude();
    }

    /// The first half of a step alone: estimates, and leaves the weights as they were. update() makes the other half, from the same base or
    /// another: so that several optimizers may estimate before any of them moves. One traversal more than step().
    template <class F>
        requires accepts<E, F>
    Reason estimate(F&& forward) {
        probe(forward);
        cursor_.settle();
        return reason_;
    }
    /// The second half: moves the base along the last estimate. To be called once for each estimate().
    StepReport update() { return conclude(); }

    /// The next step takes this number: its key's and its learning rate's.
    void set_next_step(std::uint64_t step) noexcept { step_ = step; }

    /// A loss must be a ForwardFn: callable without arguments, returning a number (ForwardGradient's a DirectionalFn). Compilers print the
    /// parameter's name and the line.
    template <class NotAForwardFn>
        requires(!accepts<E, NotAForwardFn>)
    StepReport step(NotAForwardFn&& forward) = delete; // the loss takes no argument and returns a number

    /// Brings the weights to their base: before an evaluation or a checkpoint when settling lazily.
    void settle() { cursor_.settle(); }

    /// To be called after the caller has changed the weights himself, between steps: the restore policy takes them for the base.
    void adopt_weights() {
        cursor_.settle();
        cursor_.adopt();
        measured_ = false;
    }

    /// Number of the next step.
    [[nodiscard]] std::uint64_t steps() const noexcept { return step_; }
    /// Over the weights, those that measured their scale included.
    [[nodiscard]] std::uint64_t traversals() const noexcept { return cursor_.traversals() + measuring_; }
    [[nodiscard]] std::string_view backend() const noexcept { return backend_name_; }
    /// Of a step.
    [[nodiscard]] std::size_t forward_passes() const {
        if constexpr (LookaheadRule<Rule>) {
            return estimator_.forward_passes() + rule_.forward_passes();
        } else {
            return estimator_.forward_passes();
        }
    }
    /// What it is made of.
    [[nodiscard]] const E& estimator() const noexcept { return estimator_; }
    [[nodiscard]] const Rule& rule() const noexcept { return rule_; }
    [[nodiscard]] const auto& cursor() const noexcept { return cursor_; }
    /// The direction that draws.
    [[nodiscard]] const auto& direction() const noexcept { return cursor_.direction(); }
    /// Kept beside the weights by the restore policy, the direction and the update rule.
    [[nodiscard]] std::size_t state_bytes() const noexcept {
        std::size_t bytes = cursor_.state_bytes();
        for (const Block& block : cursor_.parameters().blocks()) {
            // A rule's numbers are doubles where the weights are.
            bytes += Rule::state_bytes_per_parameter * block.size() * (block.type == ScalarType::float64 ? 2 : 1);
        }
        return bytes;
    }

  private:
    template <class F>
    void probe(F& forward) {
        if constexpr (knows_size) {
            if (!measured_) { // the cursor is settled
                measuring_ += scale_.measure(cursor_.parameters().blocks(), cursor_.backend());
                measured_ = true;
            }
        }
        const Key key{settings_.seed, step_, 0};
        rate_ = rule_.rate(step_);
        traversals_before_ = cursor_.traversals();
        estimate_.clear();
        Return home{cursor_};
        estimator_(cursor_, forward, key, estimate_);
        if constexpr (LookaheadRule<Rule>) {
            if (outcome() == Reason::updated) {
                rule_.choose(cursor_, forward, estimate_, key);
            }
        }
        reason_ = outcome();
        home.armed = reason_ != Reason::updated;
    }

    StepReport conclude() {
        StepReport report;
        report.step = step_;
        report.reason = reason_;
        if (reason_ == Reason::updated) {
            Return home{cursor_};
            gradient_.clear();
            const typename Rule::Move move = rule_.move(estimate_, Key{settings_.seed, report.step, 0}, gradient_);
            cursor_.update(move, std::span<const GradientTerm<Rule::Move::coefficients>>{gradient_});
            home.armed = false;
            report_size(move, report);
        }
        ++step_;
        if (reason_ == Reason::updated && settings_.settling == Settling::each_step) {
            cursor_.settle();
        }
        report.loss = reason_ == Reason::non_finite_loss ? estimate_.losses.back() : estimate_.loss;
        report.losses = estimate_.losses;
        report.terms = estimate_.terms;
        report.learning_rate = rate_;
        report.clipped = estimate_.clipped;
        report.forward_passes = estimate_.losses.size();
        report.traversals = cursor_.traversals() - traversals_before_;
        report.backend = backend_name_;
        return report;
    }

    void report_size(const typename Rule::Move& move, StepReport& report) const {
        if constexpr (knows_size) {
            const std::span<const GradientTerm<Rule::Move::coefficients>> gradient{gradient_};
            const std::span<const Block> blocks = cursor_.parameters().blocks();
            double size = move.size(gradient, 1);
            if constexpr (has_scales_of<decltype(E::direction)>) {
                double squares = 0;
                double count = 0;
                for (std::size_t b = 0; b < blocks.size(); ++b) {
                    if (cursor_.scale_of(b) != 0) {
                        const double of_block = move.size(gradient, cursor_.scale_of(b));
                        squares += static_cast<double>(blocks[b].size()) * of_block * of_block;
                        count += static_cast<double>(blocks[b].size());
                    }
                }
                size = count > 0 ? std::sqrt(squares / count) : 0;
            }
            report.relative_update = size > 0 ? size / scale_.of_all : size;
            if constexpr (!Restore::rounds_stochastically) {
                double worst = 1;
                for (std::size_t b = 0; b < blocks.size() && size > 0; ++b) {
                    const double of_block = move.size(gradient, cursor_.scale_of(b));
                    const double least = half_spacing(compute_type(blocks[b].type)) * scale_.of_block[b];
                    if (cursor_.scale_of(b) != 0 && least > worst * of_block) {
                        worst = least / of_block;
                        report.rounded_away = &blocks[b];
                    }
                }
            }
        } else {
            report.relative_update = std::numeric_limits<double>::quiet_NaN();
        }
    }

    static constexpr bool knows_size = SizedMove<typename Rule::Move> && unit_second_moment_of<decltype(E::direction)>;

    using CursorType = Cursor<decltype(E::direction), Restore, B, typename Rule::Move>;

    /// Goes home when an estimate is left by an exception.
    struct Return {
        CursorType& cursor;
        bool armed = true;

        explicit Return(CursorType& of) noexcept : cursor{of} {}
        Return(const Return&) = delete;
        Return& operator=(const Return&) = delete;
        ~Return() {
            if (armed) {
                cursor.settle_quietly();
            }
        }
    };

    [[nodiscard]] std::size_t max_gradient_terms() const {
        if constexpr (LongRule<Rule>) {
            return rule_.max_terms(estimator_.max_terms());
        } else {
            return estimator_.max_terms();
        }
    }

    /// Whether the base may move along the estimate.
    [[nodiscard]] Reason outcome() const noexcept {
        for (const double loss : estimate_.losses) {
            if (!std::isfinite(loss)) {
                return Reason::non_finite_loss;
            }
        }
        bool finite = estimate_.finite;
        for (const Term& term : estimate_.terms) {
            const double largest = rate_ > 1 ? rate_ * term.coefficient : term.coefficient;
            finite = finite && std::abs(largest) < 0x1p128; // float's range
        }
        if (!finite) {
            return Reason::non_finite_update;
        }
        return estimate_.kept ? Reason::kept : Reason::updated;
    }

    E estimator_;
    Rule rule_;
    Settings<Restore> settings_;
    std::string backend_name_;
    std::uint64_t step_;
    Estimate estimate_;
    /// Of the step under way.
    Reason reason_ = Reason::kept;
    double rate_ = 0;
    std::uint64_t traversals_before_ = 0;
    Gradient<typename Rule::Move> gradient_;
    WeightScale scale_;
    bool measured_ = false;
    std::uint64_t measuring_ = 0;
    CursorType cursor_;
};

ZEROTH_END_NAMESPACE
