#pragma once

#include <zeroth/any/any_backend.hpp>
#include <zeroth/any/any_gradient_rule.hpp>
#include <zeroth/any/sources/parts.hpp>
#include <zeroth/block_optimizer.hpp>
#include <zeroth/first_order/hybrid_optimizer.hpp>
#include <zeroth/optimizer.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

ZEROTH_BEGIN_NAMESPACE

template <class O>
class RunOf final : public AnyRun {
  public:
    template <class... Arguments>
    explicit RunOf(Arguments&&... arguments) : optimizer_{std::forward<Arguments>(arguments)...} {}

    StepReport step(const AnyLoss& loss) override {
        if constexpr (requires { optimizer_.step(loss, loss); }) {
            return optimizer_.step(loss, loss);
        } else {
            return optimizer_.step(loss);
        }
    }
    void settle() override {
        if constexpr (requires { optimizer_.settle(); }) {
            optimizer_.settle();
        }
    }
    void adopt_weights() override {
        if constexpr (requires { optimizer_.adopt_weights(); }) {
            optimizer_.adopt_weights();
        }
    }
    void set_learning_rate(const Schedule& learning_rate) override { optimizer_.set_learning_rate(learning_rate); }
    void save(StateSink sink) override { optimizer_.save(std::move(sink)); }
    [[nodiscard]] std::uint64_t steps() const noexcept override { return optimizer_.steps(); }
    [[nodiscard]] std::string_view backend() const noexcept override { return optimizer_.backend(); }
    [[nodiscard]] std::size_t forward_passes() const override { return optimizer_.forward_passes(); }
    [[nodiscard]] std::size_t state_bytes() const override { return optimizer_.state_bytes(); }

  private:
    O optimizer_;
};

/// A new run, or one that goes on.
template <class O, class... Arguments>
[[nodiscard]] std::unique_ptr<AnyRun> make_run(Resume* resume, const Arguments&... arguments) {
    if (resume != nullptr) {
        return std::make_unique<RunOf<O>>(arguments..., std::move(*resume));
    }
    return std::make_unique<RunOf<O>>(arguments...);
}

[[nodiscard]] inline BlockOrder block_order_of(const Method& method) {
    constexpr std::pair<std::string_view, BlockOrder> orders[] = {
        {"all", BlockOrder::all}, {"cyclic", BlockOrder::cyclic}, {"random", BlockOrder::random}, {"jacobi", BlockOrder::jacobi}};
    for (const auto& [name, order] : orders) {
        if (name == method.block_order) {
            return order;
        }
    }
    throw std::invalid_argument{"zeroth: method: block-order=" + method.block_order + ": there are all, cyclic, random and jacobi"};
}

template <class Restore>
[[nodiscard]] std::unique_ptr<AnyRun> run_of(const RunParts& parts) {
    const Trained& trained = parts.trained;
    const AnyEstimator estimator = estimator_of(parts.method, trained.parameters, parts.mask);
    const AnyRule rule = rule_of(parts.method);
    const AnyBackend backend{parts.settings.threads};
    if (rule.forward_passes() != 0 && estimator.needs_tangent()) {
        throw std::invalid_argument{"zeroth: method: update=conservative needs losses, which estimator=forward-gradient has none of"};
    }
    const Settings<Restore> settings{.seed = parts.settings.seed,
                                     .first_step = parts.settings.first_step,
                                     .settling = parts.settings.settling,
                                     .order = block_order_of(parts.method)};
    if (!trained.partition.parts.empty()) {
        return make_run<BlockOptimizer<AnyEstimator, AnyRule, Restore, AnyBackend>>(parts.resume, trained.partition, estimator, rule, settings, backend);
    }
    if (!trained.first_order.blocks().empty()) {
        Adam adam;
        if (parts.method.first_order_rate.has_value()) {
            adam.learning_rate = parts.method.schedule_of(*parts.method.first_order_rate);
        }
        return make_run<HybridOptimizer<AnyEstimator, AnyRule, AnyGradientRule, Restore, AnyBackend>>(
            parts.resume, trained.parameters, estimator, rule, trained.first_order, AnyGradientRule{adam}, settings, backend);
    }
    return make_run<Optimizer<AnyEstimator, AnyRule, Restore, AnyBackend>>(parts.resume, trained.parameters, estimator, rule, settings, backend);
}

ZEROTH_END_NAMESPACE
