#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <llama/batch.hpp>
#include <llama/forward_mode.hpp>
#include <llama/gradients.hpp>
#include <zeroth/estimators/forward_gradient.hpp>

namespace finetune {

/// How good the weights are on the evaluation set.
struct Evaluation {
    double loss = 0;
    std::optional<double> accuracy;
};

/// What a model is trained on: gives the loss of a batch and of the evaluation set for the weights as they stand in memory.
class Task {
public:
    virtual ~Task() = default;

    /// Chooses the batch of a step: the same for the same seed and step.
    virtual void draw(std::uint64_t step) = 0;
    /// Of the drawn batch. Allocates nothing once it has been called.
    virtual double loss() = 0;
    /// The same, and its gradient by back-propagation.
    virtual double loss_and_gradient(const llama::Gradients<float>& gradients) = 0;
    /// The same, and its derivative along tangents by forward mode.
    virtual zeroth::DirectionalLoss loss_along(const llama::Tangents<float>& tangents) = 0;
    virtual Evaluation evaluate() = 0;

    /// Whether to keep what lies under the layers between passes over a batch; it is then to be told which layer's weights changed, as
    /// llama::Forward::changed().
    virtual void reuse_activations(bool reuse) = 0;
    virtual void weights_changed(int layer) = 0;
    /// Of the training and evaluation data.
    virtual std::size_t data_bytes() const = 0;
};

/// The mean over `count` batches of a task, in the memory of one.
class AccumulatedTask final : public Task {
public:
    AccumulatedTask(std::unique_ptr<Task> task, std::size_t count) : task_(std::move(task)), count_(count) {}

    void draw(std::uint64_t step) override { step_ = step; }
    double loss() override;
    double loss_and_gradient(const llama::Gradients<float>& gradients) override;
    zeroth::DirectionalLoss loss_along(const llama::Tangents<float>& tangents) override;
    Evaluation evaluate() override { return task_->evaluate(); }
    /// Of no use: the batches take turns.
    void reuse_activations(bool) override {}
    void weights_changed(int) override {}
    std::size_t data_bytes() const override { return task_->data_bytes(); }

private:
    std::unique_ptr<Task> task_;
    std::size_t count_;
    std::uint64_t step_ = 0;
    std::vector<float> memory_;
};

/// Training batches: random numbers that depend on the seed, the step and the place in the batch alone.
class BatchNumbers {
public:
    explicit BatchNumbers(std::uint64_t seed) : seed_(seed) {}

    /// A number from 0 to count - 1, each as likely.
    std::size_t operator()(std::uint64_t step, std::size_t place, std::size_t count) const;

private:
    std::uint64_t seed_;
};

}  // namespace finetune
