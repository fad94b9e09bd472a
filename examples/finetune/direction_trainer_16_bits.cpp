#include <cstddef>
#include <span>
#include <vector>

#include "direction_trainer.hpp"
#include "tensors.hpp"

namespace finetune {
namespace {

using zeroth::Snapshot;

#if defined(ZEROTH_FINETUNE_SCALAR)
using Backend16 = zeroth::Threads<zeroth::Reference>;
#else
using Backend16 = zeroth::Threads<zeroth::Simd<zeroth::WidestArch, zeroth::ScalarTypes<zeroth::bfloat16, zeroth::float16>>>;
#endif

/// The trained tensors in 16 bits. The model's own, which its passes compute from, hold the same numbers widened after each traversal.
template <class Storage>
class NarrowTensors {
public:
    /// Rounds the model's tensors to nearest.
    explicit NarrowTensors(const zeroth::Parameters& wide) {
        tensors_.reserve(wide.blocks().size());
        for (const zeroth::Block& block : wide.blocks()) {
            auto* const values = static_cast<float*>(block.data);
            Tensor& tensor = tensors_.emplace_back(Tensor{{}, values});
            tensor.narrow.reserve(block.size());
            for (std::size_t i = 0; i < block.size(); ++i) tensor.narrow.emplace_back(values[i]);
            parameters_.add(block.name, std::span(tensor.narrow), {.rows = block.identity.rows, .columns = block.identity.columns});
        }
        parameters_.on_change([this](std::span<const zeroth::Block> blocks) { widen(blocks); });
        widen(parameters_.blocks());
    }
    NarrowTensors(const NarrowTensors&) = delete;
    NarrowTensors& operator=(const NarrowTensors&) = delete;

    const zeroth::Parameters& parameters() const { return parameters_; }

private:
    struct Tensor {
        std::vector<Storage> narrow;
        float* wide;
    };

    void widen(std::span<const zeroth::Block> blocks) {
        for (const zeroth::Block& block : blocks) {
            for (const Tensor& tensor : tensors_) {
                if (tensor.narrow.data() != block.data) continue;
                for (std::size_t i = 0; i < tensor.narrow.size(); ++i) tensor.wide[i] = static_cast<float>(tensor.narrow[i]);
            }
        }
    }

    std::vector<Tensor> tensors_;
    zeroth::Parameters parameters_;
};

/// Keeps the tensors that its trainer trains.
template <class Storage>
class NarrowTrainer final : public Trainer {
public:
    explicit NarrowTrainer(const TrainerParts& parts) : tensors_(parts.parameters), trainer_(make_trainer_of_direction(parts)) {}

    Step step(Task& task) override { return trainer_->step(task); }
    std::string description() const override { return trainer_->description(); }

private:
    std::unique_ptr<Trainer> make_trainer_of_direction(const TrainerParts& parts) const {
        return parts.method.direction == DirectionKind::rademacher ? make_trainer_over(zeroth::Rademacher{}, parts) : make_trainer_over(zeroth::Gaussian{}, parts);
    }

    template <class Direction>
    std::unique_ptr<Trainer> make_trainer_over(Direction direction, const TrainerParts& parts) const {
        using Estimator = AnyEstimator<zeroth::Scaled<Direction>>;
        const zeroth::Parameters& parameters = tensors_.parameters();
        const zeroth::Array<double> scales = scales_of(parameters, parts.method.scales);
        const Estimator estimator({direction, parameters, {scales.data(), scales.size()}}, parts.method);
        const zeroth::Sgd rule{.learning_rate = parts.learning_rate, .weight_decay = parts.method.weight_decay.value_or(0.0)};
        // InPlace would drift in 16 bits, and Exact has no grid for them.
        return std::make_unique<OptimizerTrainer<zeroth::Optimizer<Estimator, zeroth::Sgd, Snapshot, Backend16>>>(
            parts.config, ", weights in " + std::string(to_string(parts.method.weights)), parameters, estimator, rule,
            zeroth::Settings<Snapshot>{.seed = parts.seed}, Backend16{.threads = parts.threads});
    }

    NarrowTensors<Storage> tensors_;
    std::unique_ptr<Trainer> trainer_;
};

}  // namespace

std::unique_ptr<Trainer> make_narrow_trainer(const TrainerParts& parts) {
    if (parts.method.weights == zeroth::ScalarType::float16) return std::make_unique<NarrowTrainer<zeroth::float16>>(parts);
    return std::make_unique<NarrowTrainer<zeroth::bfloat16>>(parts);
}

}  // namespace finetune
