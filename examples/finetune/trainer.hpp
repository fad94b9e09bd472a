#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include <llama/model.hpp>

#include "options.hpp"
#include "task.hpp"

namespace finetune {

/// What a step did.
struct Step {
    double loss = 0;
    double learning_rate = 0;
    std::size_t forward_passes = 0;
    bool updated = true;            ///< false if a loss was not finite, of the step or of a projection after it, which then left the weights as before
    double seconds_in_forward = 0;  ///< of the step's time
    const char* lost = nullptr;  ///< what of it rounding takes away: "probes", "updates" or, of a few losses, "differences"
    std::string lost_in{};       ///< the tensor
};

/// A way to train a model on a task.
class Trainer {
public:
    virtual ~Trainer() = default;

    /// One step on the batch that the task has drawn. The weights are settled when it returns.
    virtual Step step(Task& task) = 0;
    /// What does the work, for the report.
    virtual std::string description() const = 0;
};

using TrainerFactory = std::function<std::unique_ptr<Trainer>()>;

/// Trains by the method on the tensors of its scheme, for `steps` steps. The task is the one that step() is given.
/// Throws std::invalid_argument and UsageError for a setting out of range.
std::unique_ptr<Trainer> make_trainer(llama::Model<float>& model, Task& task, const Method& method, std::size_t steps, std::uint64_t seed, int threads);

/// Blocks that a step of the method estimates on this model; 1 where it does not train block by block.
/// Throws UsageError for a pattern that fits no tensor's name.
std::size_t parts_a_step(llama::Model<float>& model, const Method& method);

class Stopwatch {
public:
    double seconds() const { return std::chrono::duration<double>(Clock::now() - begin_).count(); }

private:
    using Clock = std::chrono::steady_clock;
    Clock::time_point begin_ = Clock::now();
};

}  // namespace finetune
