#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include <llama/batch.hpp>

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
    virtual Evaluation evaluate() = 0;
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
