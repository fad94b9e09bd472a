#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <program/usage_error.hpp>

#include "methods.hpp"

namespace zo_bench {

/// Tokens of a window or sentence where finetune is given none and the model reads as many.
constexpr std::size_t usual_length = 128;

/// The batch that the methods' usual rates are for.
constexpr std::size_t usual_batch = 16;

using program::Message;
using program::UsageError;

struct Options {
    std::string model;
    std::string tokenizer;
    std::string text;             ///< the task text; empty: it is left out
    std::string train_sentences;  ///< the task classify; empty: it is left out
    std::string eval_sentences;
    std::string prompt;
    std::string verbalizer;
    std::vector<const Method*> methods;
    std::vector<std::string> schemes;
    std::size_t forwards = 2000;
    std::string schedule = "constant";  ///< of the learning rate, as finetune's
    std::size_t search_forwards = 2000;
    std::size_t seeds = 3;
    std::size_t rates = 3;
    double rate_ratio = 3;  ///< of neighbouring rates of the search
    std::vector<std::size_t> batches = {usual_batch};
    std::optional<std::size_t> length;
    std::size_t jobs = 0;
    std::string finetune;
    std::string output = "zo_bench";
    bool quick = false;
    bool retry = false;
    std::map<std::string, std::string> digests = {};  ///< of the files that a task's runs read, by task; they are found when the study begins
};

/// Reads the command line; names of files are made absolute, so that the commands of the study run from any folder. Throws UsageError.
std::variant<Options, Message> read_options(int argc, const char* const* argv);

}  // namespace zo_bench
