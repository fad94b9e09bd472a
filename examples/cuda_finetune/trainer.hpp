#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "descent.hpp"

namespace cuda_finetune {

/// Of a batch: the mean cross-entropy, in nats, and how many images are recognised.
struct Score {
    double loss = 0;
    std::size_t correct = 0;
};

/// A perceptron 784-hidden-10 whose weights are somewhere, and the steps that move them there.
class Trainer {
public:
    virtual ~Trainer() = default;

    /// What traverses the weights.
    virtual std::string backend() const = 0;
    /// The images, 784 numbers each, and their labels that the forward passes are of from now on.
    virtual void load(std::span<const float> images, std::span<const int> labels) = 0;
    virtual Score score() = 0;
    /// Makes a step on what is loaded: the step, and its loss. Throws std::runtime_error if a loss is not finite.
    virtual std::pair<Step, double> make(std::uint64_t number, double learning_rate) = 0;
    virtual void repeat(const Step& step) = 0;
    /// The tensors' bytes, one after the other.
    virtual std::vector<std::byte> weights() = 0;
};

/// One of a Model, which holds the weights:
///
///     using Backend = ...;  Backend backend() const;  zeroth::Parameters parameters();
///     void load(std::span<const float> images, std::span<const int> labels);  Score score();  std::vector<std::byte> weights();
template <class Model>
class TrainerOf final : public Trainer {
public:
    template <class... Arguments>
    explicit TrainerOf(const Method& method, const Arguments&... arguments)
        : model_(arguments...), descent_(method, model_.parameters(), model_.backend()) {}

    std::string backend() const override { return model_.backend().name(); }
    void load(std::span<const float> images, std::span<const int> labels) override { model_.load(images, labels); }
    Score score() override { return model_.score(); }
    std::pair<Step, double> make(std::uint64_t number, double learning_rate) override {
        auto made = descent_.make(number, learning_rate, [this] { return model_.score().loss; });
        return {std::move(made.step), made.loss};
    }
    void repeat(const Step& step) override { descent_.repeat(step); }
    std::vector<std::byte> weights() override { return model_.weights(); }

private:
    Model model_;
    Descent<typename Model::Backend> descent_;
};

/// A trainer of Model<Storage>, made of the arguments, whose weights are stored as the method says.
template <template <class> class Model, class... Arguments>
std::unique_ptr<Trainer> make_trainer(const Method& method, const Arguments&... arguments) {
    if (method.weights == WeightType::bfloat16) return std::make_unique<TrainerOf<Model<zeroth::bfloat16>>>(method, arguments...);
    return std::make_unique<TrainerOf<Model<float>>>(method, arguments...);
}

}  // namespace cuda_finetune
