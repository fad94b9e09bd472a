#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <program/usage_error.hpp>

#include "method.hpp"

namespace finetune {

using program::Message;
using program::UsageError;

enum class TaskKind { text, classify };

struct Options {
    std::string model;
    std::string tokenizer;
    std::string adapter;
    TaskKind task = TaskKind::text;
    std::string train;
    std::string eval;
    std::string prompt;
    std::vector<std::string> verbalizer;
    Method method;  ///< its learning rate is the one below, once the run has decided what stands where none is given
    std::optional<double> learning_rate;
    bool recommended = false;  ///< the method's settings are found from a few losses
    std::size_t batch = 16;
    std::size_t accumulate = 1;  ///< batches in a loss
    bool validation = false;     ///< evaluates on a part of the training data, held out of it
    bool plan = false;           ///< shows what memory the run needs before it begins
    std::optional<std::size_t> length;
    std::optional<std::size_t> steps;
    std::optional<std::size_t> forwards;
    std::size_t eval_every = 0;
    std::size_t save_every = 0;
    bool save_diverged = false;  ///< weights of a run that has diverged get the name of --save, too
    std::uint64_t seed = 1;
    int threads = 0;
    std::string save;
    std::string metrics;
    std::string plot;
    std::string json;
    std::size_t generate = 0;
    double temperature = 1;

    /// Whether --save writes what was added to the model, not the model.
    bool saves_adapters() const { return save.ends_with(".safetensors"); }
    /// Whether no file is given to work on: the built-in run.
    bool built_in() const { return model.empty(); }
    /// Throws UsageError if --forwards is less than a step's; a step's are known once the model is.
    void require_a_step() const {
        const std::size_t each = method.forward_passes_per_step();
        if (forwards && *forwards >= each && method.steps_within(*forwards) == 0) {
            throw UsageError("--forwards", std::to_string(*forwards) + " is less than a step's and a projection's, " + std::to_string(each + method.projection.forward_passes()));
        }
        if (forwards && *forwards < each) throw UsageError("--forwards", std::to_string(*forwards) + " is less than one step's, " + std::to_string(each));
    }
    /// Steps to make: from --steps or --forwards, whichever was given.
    std::size_t step_count(std::size_t otherwise) const {
        if (steps) return *steps;
        return forwards ? method.steps_within(*forwards) : otherwise;
    }
};

/// Reads the command line. Throws UsageError.
std::variant<Options, Message> read_options(int argc, const char* const* argv);

}  // namespace finetune
