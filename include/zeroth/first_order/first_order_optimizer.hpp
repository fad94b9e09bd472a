#pragma once

#include <zeroth/backends/backend.hpp>
#include <zeroth/backends/reference.hpp>
#include <zeroth/backends/stochastic_store.hpp>
#include <zeroth/estimators/estimate.hpp>
#include <zeroth/ground/array.hpp>
#include <zeroth/ground/stopwatch.hpp>
#include <zeroth/ground/method_name.hpp>
#include <zeroth/ground/one_call.hpp>
#include <zeroth/parameters/parameters.hpp>
#include <zeroth/parameters/saved_blocks.hpp>
#include <zeroth/resume.hpp>
#include <zeroth/settings.hpp>
#include <zeroth/step_report.hpp>
#include <zeroth/updates/moments.hpp>
#include <zeroth/updates/state_fields.hpp>
#include <zeroth/updates/update_rule.hpp>

#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

ZEROTH_BEGIN_NAMESPACE

/// Where a GradientFn writes the gradient of one block, element by element: floats, or doubles where the weights are.
struct GradientBlock {
    std::string_view name;
    void* data = nullptr;
    ScalarType type = ScalarType::float32;
    std::size_t size = 0;

    /// Throw std::invalid_argument if its numbers are of the other type.
    [[nodiscard]] std::span<float> floats() const { return {static_cast<float*>(checked(ScalarType::float32)), size}; }
    [[nodiscard]] std::span<double> doubles() const { return {static_cast<double*>(checked(ScalarType::float64)), size}; }

  private:
    void* checked(ScalarType expected) const {
        if (type != expected) {
            throw std::invalid_argument{"zeroth: the gradient of block '" + std::string{name} + "' is of " + std::string{to_string(type)}};
        }
        return data;
    }
};

/// A callable that returns the loss of the weights as they stand in memory, and writes its gradient with respect to the blocks it is
/// given: `double loss = gradient_fn(blocks)`. The blocks hold zeros before.
template <class F>
concept GradientFn = requires(F& forward, std::span<const GradientBlock> blocks) {
    { forward(blocks) } -> std::convertible_to<double>;
};

/// base <- base + increment(base, g), g read from memory.
template <class M>
struct ApplyGradient {
    static constexpr int coefficients = 1;
    static constexpr int sums = 0;
    static constexpr bool writes = true;

    MomentPlace gradient;
    M move;

    template <class Lanes, class Storage>
    struct Bound {
        using Real = typename Lanes::template Real<ComputeType<Storage>>;

        MomentView<Lanes, Storage> gradient;
        typename M::template Bound<Lanes, Storage> move;
        StochasticStore<Lanes, Storage> store;

        Bound(const ApplyGradient& operation, const Block& block, std::size_t index) noexcept
            : gradient{operation.gradient, index}, move{operation.move, block, index}, store{operation.move.key, block.identity} {}

        template <bool First, class... Ignored>
        ZEROTH_INLINE void accumulate(const Ignored&...) const noexcept {}
        template <class Count>
        ZEROTH_INLINE Real apply(const Real& w, const Real (&)[1], std::uint64_t element, Count count) noexcept {
            const Real g = gradient.get(element, count);
            return w + move.increment(w, &g, element, count);
        }
        void finish() const noexcept {}
    };
};

/// The first-order baseline: the caller's gradients, and the same update rules.
///
///   theta <- rule(theta, grad L(theta))
///
/// Any rule of g alone: Sgd, SignSgd, Momentum, Adam.
/// Forward passes: 1 call of the GradientFn. Traversals: 1. State: 4 bytes a parameter for the gradient (8 for float64), and the rule's.
/// Throws std::invalid_argument for a setting out of range, parameters without a block, or a block of a device's memory. The gradient's
/// numbers are not looked at: they are the caller's to keep finite.
template <UpdateRule Rule, Backend B = Reference>
class FirstOrderOptimizer {
    static_assert(memory_space_of<B> == MemorySpace::host, "zeroth: FirstOrderOptimizer keeps the gradient on the host");
    static_assert(of_gradient_alone<Rule>,
                  "zeroth: FirstOrderOptimizer takes rules whose steps are functions of the gradient alone: Sgd, SignSgd, Momentum, Adam");

  public:
    /// Of the settings seed and first step count.
    FirstOrderOptimizer(const Parameters& parameters, Rule rule, const Settings<>& settings = {}, B backend = {})
        : parameters_{parameters}, rule_{(rule.validate(), std::move(rule))}, seed_{settings.seed}, backend_{backend},
          backend_name_{backend.name()}, step_{settings.first_step}, gradient_{parameters_.blocks()}, rates_(parameters_.blocks().size()),
          state_{rule_, parameters_.blocks(), 0, StateAllocator{}} {
        require_blocks(parameters_.blocks());
        require_space(parameters_.blocks(), memory_space_of<B>, "the backend");
        for (std::size_t b = 0; b < parameters_.blocks().size(); ++b) {
            const Block& block = parameters_.blocks()[b];
            const ScalarType type = block.type == ScalarType::float64 ? ScalarType::float64 : ScalarType::float32;
            views_.push_back({block.name, gradient_.of(b), type, block.size()});
        }
    }
    FirstOrderOptimizer(FirstOrderOptimizer&&) noexcept = default;
    FirstOrderOptimizer& operator=(FirstOrderOptimizer&&) noexcept = default;
    ~FirstOrderOptimizer() = default;

    /// Goes on where another was saved, as Optimizer does.
    FirstOrderOptimizer(const Parameters& parameters, Rule rule, const Settings<>& settings, B backend, Resume resume)
        : FirstOrderOptimizer{parameters, std::move(rule), settings, std::move(backend)} {
        StateReader reader{std::move(resume.source)};
        load(reader, resume.other_blocks);
        reader.finish();
    }

    /// Writes all that this run needs to go on with the same bits, beside the weights (Optimizer::save).
    void save(StateSink sink) {
        StateWriter writer{std::move(sink)};
        write(writer);
        writer.finish();
    }
    /// As a part of a state.
    void write(StateWriter& writer) {
        const OneCall::Inside inside{one_call_};
        writer.text("first-order rule", method_name<Rule>());
        writer.number("seed", seed_);
        writer.number("step", step_);
        SavedBlocks::write(writer, parameters_.blocks());
        if constexpr (has_fields) {
            WrittenFields fields{writer, parameters_.blocks().size()};
            state_.for_each_field(fields);
        }
    }
    void load(StateReader& reader, bool other_blocks) {
        const OneCall::Inside inside{one_call_};
        reader.require("first-order rule", method_name<Rule>());
        seed_ = reader.number<std::uint64_t>("seed");
        step_ = reader.number<std::uint64_t>("step");
        const SavedBlocks saved{reader, parameters_.blocks(), other_blocks};
        if constexpr (has_fields) {
            ReadFields fields{reader, saved};
            state_.for_each_field(fields);
        }
    }

    /// Calls the GradientFn once, then updates. If it throws, or its loss is not finite, the weights stay as they are.
    template <GradientFn F>
    StepReport step(F&& gradient_fn) {
        const OneCall::Inside inside{one_call_};
        form(gradient_fn);
        return apply();
    }

    /// The first half of a step: the loss and its gradient.
    template <GradientFn F>
    double gradient(F&& gradient_fn) {
        const OneCall::Inside inside{one_call_};
        return form(gradient_fn);
    }
    /// The second half: the update along the last gradient. None where its loss was not finite.
    StepReport update() {
        const OneCall::Inside inside{one_call_};
        return apply();
    }

    /// The next step takes this number: its learning rate's.
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
    /// Shuts out all other calls, as Optimizer's does.
    [[nodiscard]] OneCall& one_call() noexcept { return one_call_; }

    /// Kept beside the weights: the gradient and the rule's state.
    [[nodiscard]] std::size_t state_bytes() const noexcept {
        std::size_t bytes = 0;
        for (const Block& block : parameters_.blocks()) {
            bytes += (4 + rule_.state_bytes_per_parameter) * block.size() * (block.type == ScalarType::float64 ? 2 : 1);
        }
        return bytes;
    }
    /// Of a step: calls of the GradientFn.
    [[nodiscard]] std::size_t forward_passes() const noexcept { return 1; }
    [[nodiscard]] std::uint64_t steps() const noexcept { return step_; }
    [[nodiscard]] std::string_view backend() const noexcept { return backend_name_; }

  private:
    static constexpr bool has_fields = requires(typename Rule::State& state, WrittenFields& fields) { state.for_each_field(fields); };

    template <class F>
    double form(F& gradient_fn) {
        rate_ = rule_.rate(step_);
        gradient_.clear();
        const double begin = seconds_now();
        loss_ = static_cast<double>(gradient_fn(std::span<const GradientBlock>{views_}));
        seconds_ = seconds_now() - begin;
        return loss_;
    }
    StepReport apply() {
        StepReport report;
        report.step = step_++;
        report.loss = loss_;
        report.losses = {&loss_, 1};
        report.learning_rate = rate_;
        report.seconds_in_loss = seconds_;
        report.forward_passes = 1;
        report.backend = backend_name_;
        if (!std::isfinite(loss_)) {
            report.reason = Reason::non_finite_loss;
            return report;
        }
        report.relative_update = std::numeric_limits<double>::quiet_NaN();
        terms_.clear();
        using M = Descend<typename Rule::Step>;
        M move = rule_.move(Estimate{}, Key{seed_, report.step, 0}, state_, terms_);
        move.take_rates(parameters_.blocks(), rates_.data());
        const double begin = seconds_now();
        backend_.traverse(Traversal{parameters_.blocks(), ApplyGradient<M>{gradient_.place(), move}});
        report.traversals = 1;
        if (parameters_.hook()) {
            parameters_.hook()(parameters_.blocks());
        }
        report.seconds_in_traversals = seconds_now() - begin;
        return report;
    }

    OneCall one_call_;
    Parameters parameters_;
    Rule rule_;
    std::uint64_t seed_;
    B backend_;
    std::string backend_name_;
    std::uint64_t step_ = 0;
    double rate_ = 0;
    double loss_ = 0;
    double seconds_ = 0;
    Moment gradient_;
    Array<BlockRate> rates_;
    typename Rule::State state_;
    std::vector<GradientBlock> views_;
    Gradient<typename Rule::Step> terms_;
};

ZEROTH_END_NAMESPACE
