#pragma once

#include <optional>

#include <llama/backward.hpp>
#include <llama/forward_mode.hpp>
#include <llama/model.hpp>

namespace finetune {

/// The passes that yield derivatives, made when one is first asked for: a task whose trainer needs none has none of their memory.
class Passes {
public:
    Passes(const llama::Model<float>& model, int threads) : model_(&model), threads_(threads) {}

    llama::Backward<float>& backward() {
        if (!backward_) backward_.emplace(*model_, threads_);
        return *backward_;
    }
    llama::ForwardMode<float>& forward_mode() {
        if (!forward_mode_) forward_mode_.emplace(*model_, threads_);
        return *forward_mode_;
    }

private:
    const llama::Model<float>* model_;
    int threads_;
    std::optional<llama::Backward<float>> backward_;
    std::optional<llama::ForwardMode<float>> forward_mode_;
};

}  // namespace finetune
