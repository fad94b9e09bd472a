#pragma once

#include <zeroth/any/any_direction.hpp>
#include <zeroth/any/any_estimator.hpp>
#include <zeroth/any/any_optimizer.hpp>
#include <zeroth/any/any_rule.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

ZEROTH_BEGIN_NAMESPACE

/// What a Method names. Throws std::invalid_argument for what there is not.
[[nodiscard]] AnyDirection direction_of(const Method& method, const Parameters& parameters, const MaskMemory* mask);
[[nodiscard]] AnyEstimator estimator_of(const Method& method, const Parameters& parameters, const MaskMemory* mask);
[[nodiscard]] AnyRule rule_of(const Method& method);

/// An optimizer of any of the kinds, behind one interface.
class AnyRun {
  public:
    AnyRun() = default;
    AnyRun(const AnyRun&) = delete;
    AnyRun& operator=(const AnyRun&) = delete;
    virtual ~AnyRun() = default;

    virtual StepReport step(const AnyLoss& loss) = 0;
    virtual void settle() = 0;
    virtual void adopt_weights() = 0;
    virtual void set_learning_rate(const Schedule& learning_rate) = 0;
    virtual void save(StateSink sink) = 0;
    [[nodiscard]] virtual std::uint64_t steps() const noexcept = 0;
    [[nodiscard]] virtual std::string_view backend() const noexcept = 0;
    [[nodiscard]] virtual std::size_t forward_passes() const = 0;
    [[nodiscard]] virtual std::size_t state_bytes() const = 0;
};

/// What a run is made from.
struct RunParts {
    const Trained& trained;
    const Method& method;
    const AnySettings& settings;
    const MaskMemory* mask;
    /// Null: a new run.
    Resume* resume;
};
[[nodiscard]] std::unique_ptr<AnyRun> run_in_place(const RunParts& parts);
[[nodiscard]] std::unique_ptr<AnyRun> run_exactly(const RunParts& parts);
[[nodiscard]] std::unique_ptr<AnyRun> run_from_snapshot(const RunParts& parts);
[[nodiscard]] std::unique_ptr<AnyRun> run_by_gradients(const RunParts& parts);

ZEROTH_END_NAMESPACE
