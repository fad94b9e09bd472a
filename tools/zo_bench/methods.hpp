#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace zo_bench {

/// What the study counts for a step of a first-order method: its forward pass, and two more for the backward pass; and for a pass of forward mode.
constexpr std::size_t first_order_passes = 3, forward_mode_passes = 2;

/// A fine-tuning scheme, a value of finetune's --scheme.
constexpr std::string_view schemes[] = {"full", "lora", "prefix", "prompt", "head"};
constexpr std::size_t scheme_count = std::size(schemes);

/// A method of the study: a row of the table in methods.cpp.
struct Method {
    std::string_view name;   ///< as on the command line
    std::string_view title;  ///< as in the report
    std::string_view options;  ///< of finetune, between blanks
    double rates[scheme_count];  ///< the usual learning rate on text with each of the schemes: where the search begins
    double on_classify;          ///< what it is multiplied with on the task classify
    std::size_t passes;  ///< forward passes a step: on them rests how often a curve has a point
    /// Its rate is a length, the gradient's has no part in it: the best is less the longer the run, so the search is as long as the final run.
    bool rate_is_length = false;
    bool by_layer = false;  ///< `passes` are made for each layer
    bool by_steps = false;  ///< finetune counts less than `passes`: its runs are given their number of steps
    bool own_rate = false;  ///< finetune finds its rate, by passes of the budget, and has a schedule for it: neither is given, and nothing is searched

    std::vector<std::string> arguments() const;
    /// For the curves' points: of a model with so many layers. Tensors that are in none are a part each.
    std::size_t passes_a_step(std::string_view scheme, std::size_t layers) const {
        const std::size_t parts = scheme == "full" ? layers + 2 : scheme == "prompt" ? 1 : scheme == "head" ? 2 : layers;
        return by_layer ? passes * parts : passes;
    }
    /// `task` is text or classify, `scheme` one of the above. 0 of a method that finds its own.
    double usual_rate(std::string_view task, std::string_view scheme) const;
};

std::span<const Method> all_methods();

/// Null if there is none of that name.
const Method* find_method(std::string_view name);

}  // namespace zo_bench
