#pragma once

/// Longer than other headers: a step, its parts' absence in sentences and a run's saving are of one object, whose members they share.

#include <zeroth/backends/backend.hpp>
#include <zeroth/backends/reference.hpp>
#include <zeroth/backends/weight_scale.hpp>
#include <zeroth/cursor.hpp>
#include <zeroth/estimators/estimate.hpp>
#include <zeroth/estimators/estimator.hpp>
#include <zeroth/ground/state_stream.hpp>
#include <zeroth/ground/one_call.hpp>
#include <zeroth/ground/replace.hpp>
#include <zeroth/ground/scope_guard.hpp>
#include <zeroth/made_of.hpp>
#include <zeroth/parameters/parameters.hpp>
#include <zeroth/parameters/saved_blocks.hpp>
#include <zeroth/resume.hpp>
#include <zeroth/schedules/schedule.hpp>
#include <zeroth/settings.hpp>
#include <zeroth/step_report.hpp>
#include <zeroth/update_range.hpp>
#include <zeroth/update_size.hpp>
#include <zeroth/updates/state_fields.hpp>
#include <zeroth/updates/update_rule.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
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
/// One call at a time: what the loss or the hook calls of its own optimizer, or a second thread meanwhile, throws std::logic_error at once
/// (but for what only tells: steps(), rule(), ...).
/// The first step, and the first after adopt_weights(), measures the weights' scale where the reports can tell an update's size: two
/// traversals more, which read. traversals() counts them, the step's report does not.
/// Throws std::invalid_argument from the constructor for a setting out of range, naming it, and for parameters without a block.
/// A step is refused before a weight is written if it could make one infinite: by the bounds that its rule, its direction's largest number, the
/// blocks' scales and rates and the measured weights give (Reason::non_finite_update), or if one is not finite already (non_finite_weights).
template <class E, class Rule, class Restore = InPlace, class B = Reference>
class Optimizer {
    // Not what an optimizer is made of: these sentences say why.
    using Has = MadeOf<E, Rule, B>;
    static_assert(!Has::swapped, "zeroth: the estimator comes first, then the rule: Optimizer{parameters, TwoSidedRge{...}, Sgd{...}}");
    static_assert(Has::has_direction, "zeroth: an estimator has a member `direction`, along which it estimates");
    static_assert(Has::has_called_direction, "zeroth: a direction is called as direction(key, block, element), const, and returns a float");
    static_assert(Has::has_bounded_direction, "zeroth: a direction has a static `largest`, which bounds |z|");
    static_assert(Has::has_needs, "zeroth: an estimator says what a step needs: max_terms(), forward_passes(), reach(), validate(), all const");
    static_assert(Has::has_call, "zeroth: an estimator is called as estimator(cursor, forward, key, estimate), on a const object");
    static_assert(Has::has_rate, "zeroth: a rule has rate(step), const: the learning rate");
    static_assert(Has::has_validate, "zeroth: a rule has validate(), const, which throws std::invalid_argument for a setting out of range");
    static_assert(Has::has_types, "zeroth: a rule names its Step, its State (NoState) and state_bytes_per_parameter: see UpdateRule");
    static_assert(Has::has_state, "zeroth: a rule's State is made as State(rule, blocks, max_terms, allocator): see UpdateRule");
    static_assert(Has::has_move, "zeroth: a rule has move(estimate, key, state, gradient), const, which returns a Descend<Step>");
    static_assert(Has::has_backend, "zeroth: a backend has name() and traverse(traversal), const: see Backend");

    // What else is here keeps compilers from saying more.
  public:
    template <class... Arguments>
    explicit Optimizer(const Arguments&...) {}
    template <class F>
    StepReport step(F&&) {
        return {};
    }
};

template <Estimator E, UpdateRule Rule, class Restore, Backend B>
class Optimizer<E, Rule, Restore, B> {
    static_assert(measures_curvature<E> || !needs_curvature<Rule>, "zeroth: the rule needs an estimator that measures curvature: HizooRge");

    using D = decltype(E::direction);
    using Step = typename Rule::Step;
    using CursorType = Cursor<D, Restore, B, Step>;
    using Method = MethodRecord<E, Rule, Restore>;

  public:
    using Later = typename CursorType::Later;

    Optimizer(const Parameters& parameters, E estimator, Rule rule, Settings<Restore> settings = {}, B backend = {})
        : Optimizer{parameters, std::move(estimator), std::move(rule), std::move(settings), std::move(backend), Later{}} {
        take_over();
    }
    /// Goes on where another was saved. Seed and step are the state's.
    /// Throws std::invalid_argument, which names it, if that was of another method, seed or other blocks, or these hold other weights, and
    /// std::runtime_error for a state that is cut short or damaged; the weights are then as they were.
    Optimizer(const Parameters& parameters, E estimator, Rule rule, Settings<Restore> settings, B backend, Resume resume)
        : Optimizer{parameters, std::move(estimator), std::move(rule), std::move(settings), std::move(backend), Later{}} {
        StateReader reader{std::move(resume.source)};
        Loaded loaded = load(reader, resume.other_blocks);
        reader.finish();
        go_on(std::move(loaded));
    }
    /// The run goes on in the new one, with the same bits, whatever is pending; the old one may only be destroyed or assigned to.
    Optimizer(Optimizer&&) noexcept = default;
    /// Settles the run that it has had.
    Optimizer& operator=(Optimizer&& other) noexcept { return replace(*this, std::move(other)); } // the cursor goes first, while the rule's state is there
    ~Optimizer() = default;

    /// One step. `forward` is called estimator.forward_passes() times and must see the weights in memory as they then are.
    /// If it throws, or the parameters' hook does meanwhile, the weights go back to what they were before the step (bit for bit with Exact or
    /// Snapshot, to rounding with InPlace), the step is not counted, and the exception goes on to the caller. If a loss is not finite, or the
    /// update may not be, they go back likewise, the report says so, and the step is counted. (A hook that throws when told of the update
    /// itself: the step is made, and counted.)
    template <class F>
        requires accepts<E, F>
    StepReport step(F&& forward) {
        const OneCall::Inside inside{one_call_};
        probe(forward);
        return conclude();
    }

    /// The first half of a step alone: estimates, and leaves the weights as they were. update() makes the other half, from the same base or
    /// another: so that several optimizers may estimate before any of them moves. One traversal more than step().
    template <class F>
        requires accepts<E, F>
    Reason estimate(F&& forward) {
        const OneCall::Inside inside{one_call_};
        probe(forward);
        cursor_.settle();
        return reason_;
    }
    /// The second half: moves the base along the last estimate. To be called once for each estimate().
    StepReport update() {
        const OneCall::Inside inside{one_call_};
        return conclude();
    }

    /// The next step takes this number: its key's and its learning rate's.
    void set_next_step(std::uint64_t step) {
        const OneCall::Inside inside{one_call_};
        step_ = step;
    }
    /// From the next step on. Throws std::invalid_argument if the rate of that step is negative or not finite.
    void set_learning_rate(Schedule learning_rate) {
        const OneCall::Inside inside{one_call_};
        static_cast<void>(require_rate(learning_rate(step_)));
        give_learning_rate(rule_, std::move(learning_rate));
    }

    /// A loss must be a ForwardFn: callable without arguments, returning a number (ForwardGradient's a DirectionalFn). Compilers print the
    /// parameter's name and the line.
    template <class NotAForwardFn>
        requires(!accepts<E, NotAForwardFn>)
    StepReport step(NotAForwardFn&& forward) = delete; // the loss takes no argument and returns a number

    /// Brings the weights to their base: before an evaluation or a checkpoint when settling lazily.
    void settle() {
        const OneCall::Inside inside{one_call_};
        cursor_.settle();
    }

    /// To be called after the caller has changed the weights himself, between steps: the restore policy takes them for the base.
    void adopt_weights() {
        const OneCall::Inside inside{one_call_};
        cursor_.settle();
        cursor_.adopt();
        scale_.not_finite = WeightScale::none;
        measured_ = false;
    }

    /// Writes all that this run needs to go on with the same bits (Resume), beside the weights as they stand in memory: save both together.
    /// Settling lazily they stand displaced: settle() first for weights that can be evaluated; the run then goes on from there.
    /// Reads the weights once, for their digest. Throws what the sink throws.
    void save(StateSink sink) {
        StateWriter writer{std::move(sink)};
        write(writer);
        writer.finish();
    }
    /// As a part of a state, which others of its optimizer follow.
    void write(StateWriter& writer) {
        const OneCall::Inside inside{one_call_};
        Method::write(writer, settings_.seed, step_);
        SavedBlocks::write(writer, blocks());
        cursor_.save(writer);
        writer.number<std::uint8_t>("measured", measured_ ? 1 : 0);
        if (measured_) {
            scale_.save(writer);
        }
        if constexpr (has_fields) {
            WrittenFields fields{writer, blocks().size()};
            state_.for_each_field(fields);
        }
    }
    /// What was read of a state; go_on() makes it this optimizer's.
    struct Loaded {
        Standing<Descend<Step>> standing;
        std::uint64_t step = 0;
        bool has_added_blocks = false;
    };
    /// Reads a part of a state into an optimizer that was made Later.
    [[nodiscard]] Loaded load(StateReader& reader, bool other_blocks) {
        const OneCall::Inside inside{one_call_};
        Loaded loaded;
        loaded.step = Method::read(reader, settings_.seed);
        const SavedBlocks saved{reader, blocks(), other_blocks};
        loaded.has_added_blocks = saved.known() != blocks().size();
        loaded.standing = cursor_.load(reader, saved);
        measured_ = reader.number<std::uint8_t>("measured") != 0;
        if (measured_) {
            measured_ = scale_.load(reader, saved); // else they are measured anew
        }
        if constexpr (has_fields) {
            ReadFields fields{reader, saved};
            state_.for_each_field(fields);
        }
        return loaded;
    }
    void go_on(Loaded loaded) {
        const OneCall::Inside inside{one_call_};
        if constexpr (requires { state_.point(loaded.standing.move.step); }) {
            state_.point(loaded.standing.move.step);
        }
        cursor_.go_on(loaded.standing, loaded.has_added_blocks);
        step_ = loaded.step;
    }
    /// Of an optimizer that was made Later: takes the weights as they stand for the base.
    void take_over() {
        const OneCall::Inside inside{one_call_};
        cursor_.take_over();
    }
    /// Shuts out all calls that move the weights or change the run while another moves them: its calls take it, too.
    [[nodiscard]] OneCall& one_call() noexcept { return one_call_; }
    /// Touches no weight yet: take_over() follows, or load() and go_on().
    Optimizer(const Parameters& parameters, E estimator, Rule rule, Settings<Restore> settings, B backend, Later later)
        : estimator_{(estimator.validate(), std::move(estimator))}, rule_{(rule.validate(), std::move(rule))}, settings_{std::move(settings)},
          backend_name_{backend.name()}, step_{settings_.first_step},
          scale_{knows_size ? parameters.blocks().size() : 0},
          state_{rule_, parameters.blocks(), estimator_.max_terms(), state_allocator_of(backend)},
          cursor_{parameters, estimator_.direction, settings_.restore, backend, estimator_.reach(), estimator_.max_terms(), max_gradient_terms(),
                  later} {
        estimate_.terms.reserve(estimator_.max_terms());
        estimate_.losses.reserve(forward_passes());
        if constexpr (measures_curvature<E>) {
            estimate_.curvatures.reserve(estimator_.max_terms());
        }
        gradient_.reserve(max_gradient_terms());
        if constexpr (has_fields) {
            remembered_.remember(state_); // takes the memory
        }
        smoothing_ = require_smoothing(estimator_, cursor_);
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
    [[nodiscard]] const typename Rule::State& state() const noexcept { return state_; }
    [[nodiscard]] const CursorType& cursor() const noexcept { return cursor_; }
    /// The direction that draws.
    [[nodiscard]] const D& direction() const noexcept { return cursor_.direction(); }
    /// Kept beside the weights by the restore policy, the direction and the update rule.
    [[nodiscard]] std::size_t state_bytes() const noexcept {
        std::size_t bytes = cursor_.state_bytes();
        for (const Block& block : blocks()) {
            // A rule's numbers are doubles where the weights are.
            bytes += rule_.state_bytes_per_parameter * block.size() * (block.type == ScalarType::float64 ? 2 : 1);
        }
        return bytes;
    }

  private:
    static constexpr bool has_fields = requires(typename Rule::State& state, WrittenFields& fields) { state.for_each_field(fields); };
    static constexpr bool knows_size = SizedStep<Step> && unit_second_moment_of<D>;

    [[nodiscard]] std::span<const Block> blocks() const noexcept { return cursor_.parameters().blocks(); }
    [[nodiscard]] std::span<const GradientTerm<Step::coefficients>> gradient() const noexcept { return gradient_; }

    template <class F>
    void probe(F& forward) {
        const Key key{settings_.seed, step_, 0};
        rate_ = rule_.rate(step_);
        traversals_before_ = cursor_.traversals();
        seconds_before_ = cursor_.seconds();
        estimate_.clear();
        if constexpr (knows_size) {
            if (!measured_ && has_unit_second_moment(direction())) { // the cursor is settled
                measuring_ += scale_.measure(blocks(), cursor_.backend());
                measured_ = scale_.not_finite == WeightScale::none;
            }
        }
        if (not_finite() != nullptr) {
            reason_ = Reason::non_finite_weights;
            estimate_.loss = std::numeric_limits<double>::quiet_NaN();
            return;
        }
        ScopeGuard home{[this]() noexcept { cursor_.settle_quietly(); }};
        estimator_(cursor_, forward, key, estimate_);
        if constexpr (LookaheadRule<Rule>) {
            if (outcome_of(estimate_, rate_) == Reason::updated) {
                rule_.choose(cursor_, forward, estimate_, key, state_);
            }
        }
        reason_ = outcome_of(estimate_, rate_);
        if (reason_ == Reason::updated) {
            home.dismiss();
        }
    }

    StepReport conclude() {
        StepReport report;
        report.step = step_;
        if (reason_ == Reason::updated) {
            if constexpr (has_fields) {
                remembered_.remember(state_);
            }
            ScopeGuard unmade{[this]() noexcept {
                if constexpr (has_fields) {
                    remembered_.return_to(state_);
                }
                cursor_.settle_quietly();
            }};
            gradient_.clear();
            const Descend<Step> move = rule_.move(estimate_, Key{settings_.seed, report.step, 0}, state_, gradient_);
            if (stays_in_range(move, gradient(), cursor_, scale_, measured_)) {
                cursor_.update(move, gradient());
                unmade.dismiss();
                report_size(move, report);
            } else {
                reason_ = Reason::non_finite_update;
            }
        }
        ++step_;
        if (reason_ == Reason::updated && settings_.settling == Settling::each_step) {
            cursor_.settle();
        }
        report.not_finite = not_finite();
        report.reason = report.not_finite != nullptr ? Reason::non_finite_weights : reason_;
        report.loss = reason_ == Reason::non_finite_loss ? estimate_.losses.back() : estimate_.loss;
        report.losses = estimate_.losses;
        report.terms = estimate_.terms;
        report.learning_rate = rate_;
        report.clipped = estimate_.clipped;
        report.floored = estimate_.floored;
        report.probes_rounded_away = probes_rounded_away(smoothing_, cursor_, scale_, measured_);
        report.forward_passes = estimate_.losses.size();
        report.traversals = cursor_.traversals() - traversals_before_;
        report.seconds_in_loss = estimate_.seconds;
        report.seconds_in_traversals = cursor_.seconds() - seconds_before_;
        report.backend = backend_name_;
        return report;
    }

    void report_size(const Descend<Step>& move, StepReport& report) const {
        if constexpr (knows_size) {
            if (!has_unit_second_moment(direction())) {
                report.relative_update = std::numeric_limits<double>::quiet_NaN();
                return;
            }
            report_update_size(move, gradient(), blocks(), scale_,
                               [this](std::size_t b) { return cursor_.scale_of(b); }, !Restore::rounds_stochastically, report);
        } else {
            report.relative_update = std::numeric_limits<double>::quiet_NaN();
        }
    }

    /// The first block that is known to hold a weight that is not finite.
    [[nodiscard]] const Block* not_finite() const noexcept {
        return scale_.not_finite < blocks().size() ? &blocks()[scale_.not_finite] : cursor_.not_finite();
    }

    [[nodiscard]] std::size_t max_gradient_terms() const {
        if constexpr (LongRule<Rule>) {
            return rule_.max_terms(estimator_.max_terms());
        } else {
            return estimator_.max_terms();
        }
    }

    OneCall one_call_;
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
    double seconds_before_ = 0;
    Gradient<Step> gradient_;
    /// The estimator's.
    double smoothing_ = 0;
    WeightScale scale_;
    bool measured_ = false;
    std::uint64_t measuring_ = 0;
    typename Rule::State state_;
    RememberedFields remembered_;
    CursorType cursor_;
};

template <class E, class Rule, class Restore = InPlace, class B = Reference>
Optimizer(const Parameters&, E, Rule, Settings<Restore> = {}, B = {}) -> Optimizer<E, Rule, Restore, B>;
template <class E, class Rule, class Restore, class B>
Optimizer(const Parameters&, E, Rule, Settings<Restore>, B, Resume) -> Optimizer<E, Rule, Restore, B>;

ZEROTH_END_NAMESPACE
