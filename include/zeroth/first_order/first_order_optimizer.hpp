#pragma once

#include <zeroth/backends/backend.hpp>
#include <zeroth/backends/reference.hpp>
#include <zeroth/backends/stochastic_store.hpp>
#include <zeroth/estimators/estimate.hpp>
#include <zeroth/parameters/parameters.hpp>
#include <zeroth/step_report.hpp>
#include <zeroth/updates/moments.hpp>
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
template <BaseMove M>
struct ApplyGradient {
    static constexpr int coefficients = 1;
    static constexpr int sums = 0;
    static constexpr bool writes = true;
    static_assert(M::sums == 1, "a rule of g alone");

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

  public:
    FirstOrderOptimizer(const Parameters& parameters, Rule rule, std::uint64_t seed = 0, B backend = {})
        : parameters_{parameters}, rule_{(rule.validate(), std::move(rule))}, seed_{seed}, backend_{backend}, backend_name_{backend.name()} {
        require_blocks(parameters_.blocks());
        require_space(parameters_.blocks(), memory_space_of<B>, "the backend");
        gradient_.prepare(parameters_.blocks());
        for (std::size_t b = 0; b < parameters_.blocks().size(); ++b) {
            const Block& block = parameters_.blocks()[b];
            const ScalarType type = block.type == ScalarType::float64 ? ScalarType::float64 : ScalarType::float32;
            views_.push_back({block.name, gradient_.of(b), type, block.size()});
        }
        prepare_rule(rule_, parameters_.blocks(), 0, {});
    }
    FirstOrderOptimizer(FirstOrderOptimizer&&) noexcept = default;
    FirstOrderOptimizer& operator=(FirstOrderOptimizer&&) noexcept = default;
    ~FirstOrderOptimizer() = default;

    /// Calls the GradientFn once, then updates. If it throws, or its loss is not finite, the weights stay as they are.
    template <GradientFn F>
    StepReport step(F&& gradient_fn) {
        gradient(gradient_fn);
        return update();
    }

    /// The first half of a step: the loss and its gradient.
    template <GradientFn F>
    double gradient(F&& gradient_fn) {
        rate_ = rule_.rate(step_);
        gradient_.clear();
        loss_ = static_cast<double>(gradient_fn(std::span<const GradientBlock>{views_}));
        return loss_;
    }
    /// The second half: the update along the last gradient. None where its loss was not finite.
    StepReport update() {
        StepReport report;
        report.step = step_++;
        report.loss = loss_;
        report.losses = {&loss_, 1};
        report.learning_rate = rate_;
        report.forward_passes = 1;
        report.backend = backend_name_;
        if (!std::isfinite(loss_)) {
            report.reason = Reason::non_finite_loss;
            return report;
        }
        report.relative_update = std::numeric_limits<double>::quiet_NaN();
        terms_.clear();
        const typename Rule::Move move = rule_.move(Estimate{}, Key{seed_, report.step, 0}, terms_);
        backend_.traverse(Traversal{parameters_.blocks(), ApplyGradient<typename Rule::Move>{gradient_.place(), move}});
        report.traversals = 1;
        if (parameters_.hook()) {
            parameters_.hook()(parameters_.blocks());
        }
        return report;
    }

    /// The next step takes this number: its learning rate's.
    void set_next_step(std::uint64_t step) noexcept { step_ = step; }

    /// Kept beside the weights: the gradient and the rule's state.
    [[nodiscard]] std::size_t state_bytes() const noexcept {
        std::size_t bytes = 0;
        for (const Block& block : parameters_.blocks()) {
            bytes += (4 + Rule::state_bytes_per_parameter) * block.size() * (block.type == ScalarType::float64 ? 2 : 1);
        }
        return bytes;
    }
    [[nodiscard]] std::uint64_t steps() const noexcept { return step_; }
    [[nodiscard]] std::string_view backend() const noexcept { return backend_name_; }

  private:
    Parameters parameters_;
    Rule rule_;
    std::uint64_t seed_;
    B backend_;
    std::string backend_name_;
    std::uint64_t step_ = 0;
    double rate_ = 0;
    double loss_ = 0;
    Moment gradient_;
    std::vector<GradientBlock> views_;
    Gradient<typename Rule::Move> terms_;
};

ZEROTH_END_NAMESPACE
