#include "trainer.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <program/values.hpp>
#include <zeroth/any/any_optimizer.hpp>
#include <zeroth/parameters/partition.hpp>
#include <zeroth/parameters/scalar16.hpp>
#include <zeroth/projections/layer_projection.hpp>

#include "backend.hpp"
#include "description.hpp"
#include "narrow_tensors.hpp"
#include "task_calls.hpp"
#include "tensors.hpp"

namespace finetune {
namespace {

zeroth::Partition partition_of(const zeroth::Parameters& parameters, const std::string& blocks) {
    if (blocks == "none") return zeroth::partition_by(parameters, [](const zeroth::Block&) { return std::string("all"); });
    if (blocks == "layer") return zeroth::partition_by_layer(parameters);
    if (blocks == "tensor") return zeroth::partition_by_tensor(parameters);
    try {
        return zeroth::partition_by_patterns(parameters, program::split("--blocks", blocks));
    } catch (const std::invalid_argument& error) {
        throw UsageError("--blocks", error.what());
    }
}

/// What a run trains, and what the report says of it.
struct Run {
    zeroth::Trained trained;
    zeroth::Method method;
    zeroth::AnySettings settings;
    std::string note;
};

/// The program's interface over an optimizer of the method's name.
class MethodTrainer : public Trainer {
public:
    MethodTrainer(const llama::Config& config, const Run& run)
        : config_(config), note_(run.note), optimizer_(run.trained, run.method, run.settings) {}

    Step step(Task& task) override {
        TaskCalls calls(task, config_, tangents_);
        const zeroth::StepReport report = optimizer_.step(calls.forward(), calls.gradient(), calls.directional());
        const bool finite = report.reason == zeroth::Reason::updated || report.reason == zeroth::Reason::kept;
        Step step{report.loss, report.learning_rate, static_cast<std::size_t>(report.forward_passes), finite, calls.seconds()};
        const zeroth::Block* const block = report.probes_rounded_away != nullptr ? report.probes_rounded_away : report.rounded_away;
        if (block != nullptr) {
            step.lost = report.probes_rounded_away != nullptr ? "probes" : "updates";
            step.lost_in = block->name;
        } else if (report.floored) {
            step.lost = "differences";
        }
        return step;
    }
    std::string description() const override { return std::string(optimizer_.backend()) + note_; }

private:
    llama::Config config_;
    std::string note_;
    std::vector<float> tangents_;
    zeroth::AnyOptimizer optimizer_;
};

template <class Storage>
struct KeepsNarrowTensors {
    NarrowTensors<Storage> tensors;

    explicit KeepsNarrowTensors(const zeroth::Parameters& parameters) : tensors(parameters) {}
    Run narrowed(Run run) const {
        run.trained.parameters = tensors.parameters();
        return run;
    }
};

/// Trains 16-bit copies of the tensors, which it keeps.
template <class Storage>
class NarrowTrainer final : private KeepsNarrowTensors<Storage>, public MethodTrainer {
public:
    NarrowTrainer(const llama::Config& config, const Run& run)
        : KeepsNarrowTensors<Storage>(run.trained.parameters), MethodTrainer(config, this->narrowed(run)) {}
};

/// DiZO: scales what the trainer has displaced, by losses of batches that no step draws.
class ProjectedTrainer final : public Trainer {
public:
    ProjectedTrainer(const zeroth::Parameters& parameters, const Method& method, std::uint64_t seed, int threads, std::unique_ptr<Trainer> trainer)
        : trainer_(std::move(trainer)), iterations_(method.projection.iterations),
          projection_(parameters, settings(parameters, method, seed), {}, Backend{.threads = threads}) {}

    Step step(Task& task) override {
        Step step = trainer_->step(task);
        ++steps_;
        if (!projection_.due(steps_)) return step;
        // The weights are settled, and the policy InPlace keeps nothing beside them.
        const zeroth::ProjectionReport report = projection_.project(steps_, [&](std::size_t pair) {
            constexpr std::uint64_t apart = std::uint64_t{1} << 40;
            task.draw(apart + steps_ * iterations_ + pair);
            const Stopwatch watch;
            const double loss = task.loss();
            step.seconds_in_forward += watch.seconds();
            return loss;
        });
        step.forward_passes += static_cast<std::size_t>(report.forward_passes);
        step.updated = step.updated && (report.reason == zeroth::Reason::updated || report.reason == zeroth::Reason::kept);
        return step;
    }
    std::string description() const override { return trainer_->description(); }

private:
    static zeroth::LayerProjectionSettings settings(const zeroth::Parameters& parameters, const Method& method, std::uint64_t seed) {
        const auto fits = [&method](const zeroth::Block& block) { return projects(method, block); };
        if (std::ranges::none_of(parameters.blocks(), fits)) {
            throw UsageError("--dizo-blocks", "\"" + method.projection.blocks + "\" fits no tensor that is trained");
        }
        return {.seed = seed,
                .interval = method.projection.interval,
                .iterations = static_cast<std::uint32_t>(method.projection.iterations),
                .rate = method.projection.rate,
                .unit = zeroth::ProjectionUnit::ratio,
                .select = fits};
    }

    std::unique_ptr<Trainer> trainer_;
    std::uint64_t iterations_;
    std::uint64_t steps_ = 0;
    zeroth::LayerProjection<Backend> projection_;
};

std::string note_of(const Method& method, const zeroth::Trained& trained) {
    if (method.weights != zeroth::ScalarType::float32) return ", weights in " + std::string(to_string(method.weights));
    if (method.estimator == EstimatorKind::first_order) return ", back-propagation";
    if (!trained.partition.parts.empty()) return ", " + std::to_string(trained.partition.parts.size()) + " blocks";
    if (method.hybrid != 0) return ", " + std::to_string(method.hybrid) + (method.hybrid == 1 ? " layer" : " layers") + " by back-propagation";
    return {};
}

std::unique_ptr<Trainer> trainer_of(const llama::Config& config, const Method& method, const Run& run) {
    switch (method.weights) {
    case zeroth::ScalarType::float16: return std::make_unique<NarrowTrainer<zeroth::float16>>(config, run);
    case zeroth::ScalarType::bfloat16: return std::make_unique<NarrowTrainer<zeroth::bfloat16>>(config, run);
    default: return std::make_unique<MethodTrainer>(config, run);
    }
}

}  // namespace

std::size_t parts_a_step(llama::Model<float>& model, const Method& method) {
    const zeroth::Partition partition = partition_of(parameters_of(model, method.tuning.scheme), method.blocks);
    const bool all = method.block_order == BlockOrderKind::all || method.block_order == BlockOrderKind::jacobi;
    return all ? partition.parts.size() : 1;
}

std::unique_ptr<Trainer> make_trainer(llama::Model<float>& model, Task& task, const Method& method, std::size_t steps, std::uint64_t seed, int threads) {
    const llama::Config& config = model.config();
    zeroth::Trained trained{.parameters = parameters_of(model, method.tuning.scheme)};
    if (method.reuse_activations) {
        task.reuse_activations(true);
        trained.parameters.on_change([&task, config](std::span<const zeroth::Block> blocks) {
            int lowest = config.layers;
            for (const zeroth::Block& block : blocks) lowest = std::min(lowest, layer_of(block.name, config));
            task.weights_changed(lowest);
        });
    }
    if (method.hybrid != 0) {
        std::tie(trained.parameters, trained.first_order) = split_for_hybrid(trained.parameters, method.hybrid, config);
        if (trained.first_order.blocks().empty()) throw UsageError("--hybrid", "the scheme trains nothing in the last layers");
        if (trained.parameters.blocks().empty()) throw UsageError("--hybrid", "leaves nothing to forward passes");
    }
    if (method.blocks != "none") trained.partition = partition_of(trained.parameters, method.blocks);
    require_fitting_scales(trained.parameters, method.scales);
    const Run run{trained, description_of(method, steps), {.seed = seed, .threads = threads}, note_of(method, trained)};
    std::unique_ptr<Trainer> trainer = trainer_of(config, method, run);
    if (method.projection.interval == 0) return trainer;
    return std::make_unique<ProjectedTrainer>(trained.parameters, method, seed, threads, std::move(trainer));
}

}  // namespace finetune
