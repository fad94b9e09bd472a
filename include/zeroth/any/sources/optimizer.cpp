#include <zeroth/any/any_gradient_rule.hpp>
#include <zeroth/any/any_optimizer.hpp>
#include <zeroth/any/sources/runs.hpp>
#include <zeroth/any/sources/traverse.hpp>
#include <zeroth/directions/coordinate.hpp>
#include <zeroth/first_order/first_order_optimizer.hpp>
#include <zeroth/ground/state_stream.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

ZEROTH_BEGIN_NAMESPACE

template void AnyBackend::traverse(const Traversal<LargestMagnitude>&) const;
template void AnyBackend::traverse(const Traversal<SquaredWeights>&) const;
template void AnyBackend::traverse(const Traversal<ApplyGradient<Descend<AnyStep>>>&) const;

std::string AnyBackend::name() const { return inner(*this).name(); }

AnyEstimator estimator_of(const Method& method, const Parameters& parameters, const MaskMemory* mask) {
    const std::string& name = method.estimator;
    const AnyDirection along = direction_of(method, parameters, mask);
    const std::uint32_t queries = method.queries.value_or(name == Fzoo<>::name ? 8 : 1);
    const auto with = [&](auto estimator) {
        if constexpr (requires { estimator.epsilon; }) {
            estimator.epsilon = method.epsilon.value_or(estimator.epsilon);
        }
        if constexpr (requires { estimator.clip; }) {
            estimator.clip = method.clip.value_or(estimator.clip);
        } else if (method.clip.has_value()) {
            throw std::invalid_argument{"zeroth: method: clip does not go with estimator=" + name};
        }
        return AnyEstimator{along, estimator};
    };
    const auto kernel = [&]<int Order>(std::integral_constant<int, Order>) {
        using Kernel = KernelRge<Order, AnyDirection>;
        return with(Kernel{.direction = along, .queries = queries, .scale = Kernel::variance_matched_scale()});
    };
    if (name == TwoSidedRge<>::name) {
        return with(TwoSidedRge<AnyDirection>{.direction = along, .queries = queries});
    }
    if (name == OneSidedRge<>::name) {
        return with(OneSidedRge<AnyDirection>{.direction = along, .queries = queries});
    }
    if (name == Fzoo<>::name) {
        return with(Fzoo<AnyDirection>{.direction = along, .queries = queries});
    }
    if (name == KernelRge<>::name) {
        // An odd order's kernel is that of the even one above it.
        require_setting(method.kernel_order >= 1 && method.kernel_order <= 6, "kernel-order", method.kernel_order, "from 1 to 6");
        return method.kernel_order <= 2   ? kernel(std::integral_constant<int, 2>{})
               : method.kernel_order <= 4 ? kernel(std::integral_constant<int, 4>{})
                                          : kernel(std::integral_constant<int, 6>{});
    }
    if (name == ForwardGradient<>::name) {
        return with(ForwardGradient<AnyDirection>{.direction = along, .queries = queries});
    }
    if (name == CoordinateWise::name) {
        return with(CoordinateWise{.direction = Coordinate{parameters, CoordinateOrder::random}, .coordinates = queries});
    }
    throw std::invalid_argument{"zeroth: method: estimator=" + name +
                                ": there are two-sided, one-sided, fzoo, kernel, coordinate, forward-gradient and first-order"};
}

AnyRule rule_of(const Method& method) {
    const std::string& name = method.update;
    const auto refuse = [&](bool wrong, const std::string& what) {
        if (wrong) {
            throw std::invalid_argument{"zeroth: method: " + what};
        }
    };
    const auto set = [&](auto rule) {
        if (method.learning_rate.has_value()) {
            rule.learning_rate = method.schedule_of(*method.learning_rate);
        } else {
            refuse(method.schedule != "constant", "schedule=" + method.schedule + " needs a learning-rate");
        }
        rule.weight_decay = method.weight_decay.value_or(name == "adamw" ? 0.01 : 0.0);
        if constexpr (requires { rule.momentum; }) {
            rule.momentum = method.momentum.value_or(rule.momentum);
        } else {
            refuse(method.momentum.has_value(), "momentum goes with update=momentum");
        }
        if constexpr (requires { rule.beta1; }) {
            rule.beta1 = method.beta1.value_or(rule.beta1);
            rule.beta2 = method.beta2.value_or(rule.beta2);
        } else {
            refuse(method.beta1.has_value() || method.beta2.has_value(), "beta1 and beta2 go with update=adam and adamw");
        }
        return rule;
    };
    const bool has_window = name == Momentum::name || name == Adam::name || name == "adamw";
    refuse(method.window != 0 && !has_window, "window goes with update=momentum, adam and adamw");
    const bool is_normalized = name == Sgd::name || name == SignSgd::name || name == Momentum::name;
    refuse(method.normalize && !is_normalized, "normalize goes with update=sgd, sign and momentum");
    const auto normalized_or_not = [&](auto rule) -> AnyRule {
        if (method.normalize) {
            return Normalized<decltype(rule)>{.rule = set(rule)};
        }
        return set(rule);
    };
    if (name == Sgd::name) {
        return normalized_or_not(Sgd{});
    }
    if (name == SignSgd::name) {
        return normalized_or_not(SignSgd{});
    }
    if (name == "sign-scalar") {
        return set(ScalarSignSgd{});
    }
    if (name == Momentum::name) {
        return method.window != 0 ? normalized_or_not(WindowedMomentum{.window = method.window}) : normalized_or_not(Momentum{});
    }
    if (name == Conservative::name) {
        return set(Conservative{});
    }
    if (name == Adam::name || name == "adamw") {
        if (method.window != 0) {
            return set(WindowedAdam{.window = method.window});
        }
        return set(Adam{});
    }
    throw std::invalid_argument{"zeroth: method: update=" + name + ": there are sgd, sign, sign-scalar, momentum, conservative, adam and adamw"};
}

std::unique_ptr<AnyRun> run_by_gradients(const RunParts& parts) {
    const Trained& trained = parts.trained;
    if (!trained.partition.parts.empty() || !trained.first_order.blocks().empty() || parts.mask != nullptr || parts.method.scales != "none") {
        throw std::invalid_argument{"zeroth: method: estimator=first-order goes with no partition, hybrid, mask or scales"};
    }
    if (parts.method.direction != Method{}.direction) {
        throw std::invalid_argument{"zeroth: method: direction=" + parts.method.direction + " does not go with estimator=first-order"};
    }
    const Settings<> settings{.seed = parts.settings.seed, .first_step = parts.settings.first_step};
    return make_run<FirstOrderOptimizer<AnyGradientRule, AnyBackend>>(parts.resume, trained.parameters, AnyGradientRule{rule_of(parts.method)},
                                                                      settings, AnyBackend{parts.settings.threads});
}

struct AnyOptimizer::Run {
    Method method;
    std::unique_ptr<MaskMemory> mask;
    std::unique_ptr<AnyRun> of{};
    bool needs_forward = true;
    bool needs_gradient = false;
    bool needs_tangent = false;

    Run(const Trained& trained, const Method& of_method, const AnySettings& settings, Resume* resume)
        : method{of_method}, mask{method.mask_choice().kind != MaskKind::none ? new MaskMemory{trained.parameters, method.mask_choice()} : nullptr} {
        if (resume != nullptr) {
            load(resume->source);
        }
        needs_tangent = method.estimator == ForwardGradient<>::name;
        needs_gradient = method.estimator == "first-order" || !trained.first_order.blocks().empty();
        needs_forward = !needs_tangent && method.estimator != "first-order";
        const RunParts parts{trained, method, settings, mask.get(), resume};
        of = method.estimator == "first-order"   ? run_by_gradients(parts)
             : method.restore == InPlace::name  ? run_in_place(parts)
             : method.restore == Exact::name    ? run_exactly(parts)
             : method.restore == Snapshot::name ? run_from_snapshot(parts)
                                                : throw std::invalid_argument{"zeroth: method: restore=" + method.restore +
                                                                              ": there are in-place, exact and snapshot"};
    }

    /// The method and the mask, as a state of their own after its size; the optimizer's follows.
    void save(const StateSink& sink) const {
        std::vector<std::byte> bytes;
        StateWriter writer{[&](std::span<const std::byte> piece) { bytes.insert(bytes.end(), piece.begin(), piece.end()); }};
        writer.text("method", method.kind());
        if (mask != nullptr) {
            mask->save(writer);
        }
        writer.finish();
        const std::uint64_t size = bytes.size();
        sink(std::as_bytes(std::span{&size, 1}));
        sink(bytes);
    }
    void load(const StateSource& source) const {
        std::uint64_t left = 0;
        if (source(std::as_writable_bytes(std::span{&left, 1})) != sizeof left) {
            StateReader::fail("the state ends within its head");
        }
        StateReader reader{[&](std::span<std::byte> piece) {
            const std::size_t wanted = piece.size() < left ? piece.size() : static_cast<std::size_t>(left);
            const std::size_t got = wanted != 0 ? source(piece.first(wanted)) : 0;
            left -= got;
            return got;
        }};
        reader.require("method", method.kind());
        if (mask != nullptr) {
            mask->load(reader);
        }
        reader.finish();
    }
};

AnyOptimizer::AnyOptimizer(const Trained& trained, const Method& method, const AnySettings& settings)
    : run_{new Run{trained, method, settings, nullptr}} {}
AnyOptimizer::AnyOptimizer(const Trained& trained, const Method& method, const AnySettings& settings, Resume resume)
    : run_{new Run{trained, method, settings, &resume}} {}
AnyOptimizer::AnyOptimizer(const Parameters& parameters, const Method& method, const AnySettings& settings)
    : AnyOptimizer{Trained{.parameters = parameters}, method, settings} {}
AnyOptimizer::AnyOptimizer(const Parameters& parameters, const Method& method, const AnySettings& settings, Resume resume)
    : AnyOptimizer{Trained{.parameters = parameters}, method, settings, std::move(resume)} {}
AnyOptimizer::AnyOptimizer(AnyOptimizer&&) noexcept = default;
AnyOptimizer& AnyOptimizer::operator=(AnyOptimizer&&) noexcept = default;
AnyOptimizer::~AnyOptimizer() = default;

StepReport AnyOptimizer::step_with(const AnyLoss& loss) {
    const auto require = [&](bool needs, bool has, const char* what) {
        if (needs && !has) {
            throw std::invalid_argument{"zeroth: a step of estimator=" + run_->method.estimator + " needs a " + what};
        }
    };
    require(run_->needs_forward, loss.is_forward(), "ForwardFn: double()");
    require(run_->needs_gradient, loss.is_gradient(), "GradientFn: double(std::span<const GradientBlock>)");
    require(run_->needs_tangent, loss.is_directional(), "DirectionalFn: DirectionalLoss(const Tangent&)");
    if (run_->mask != nullptr && run_->mask->is_due(run_->of->steps())) {
        run_->of->settle();
        run_->mask->choose();
    }
    return run_->of->step(loss);
}
void AnyOptimizer::settle() { run_->of->settle(); }
void AnyOptimizer::adopt_weights() { run_->of->adopt_weights(); }
void AnyOptimizer::set_learning_rate(Schedule learning_rate) { run_->of->set_learning_rate(learning_rate); }
void AnyOptimizer::save(StateSink sink) {
    run_->save(sink);
    run_->of->save(std::move(sink));
}
const Method& AnyOptimizer::method() const noexcept { return run_->method; }
std::uint64_t AnyOptimizer::steps() const noexcept { return run_->of->steps(); }
std::string_view AnyOptimizer::backend() const noexcept { return run_->of->backend(); }
std::size_t AnyOptimizer::forward_passes() const { return run_->of->forward_passes(); }
std::size_t AnyOptimizer::state_bytes() const { return run_->of->state_bytes(); }

ZEROTH_END_NAMESPACE
