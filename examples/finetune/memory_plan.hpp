#pragma once

#include <cstddef>
#include <string>

#include <llama/model.hpp>
#include <zeroth/advice/memory_plan.hpp>

#include "method.hpp"

namespace finetune {

/// A run, as far as its memory goes.
struct MemoryRequest {
    std::size_t data = 0;  ///< bytes of the training and evaluation data
    std::size_t batch = 0;  ///< sequences in it: of classification, one for each label of a sentence
    std::size_t length = 0;  ///< tokens of a sequence
    int threads = 0;         ///< 0: all
    std::size_t loading = 0;  ///< what is held beside the model while the data are read: the texts and their tokens
};

/// What a run of the method on the model will hold, phase by phase, beyond the empty program.
zeroth::MemoryPlan plan_memory(llama::Model<float>& model, const Method& method, const MemoryRequest& request);

/// A table of what the method, and the others in its place, would hold.
std::string memory_table(llama::Model<float>& model, const Method& method, const MemoryRequest& request);

}  // namespace finetune
