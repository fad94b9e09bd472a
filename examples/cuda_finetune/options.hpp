#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>

#include <program/usage_error.hpp>

#include "method.hpp"

namespace cuda_finetune {

using program::Message;
using program::UsageError;

enum class Place { device, host };

struct Options {
    std::string data{};                        ///< the folder of the model and the digits
    std::string terms = "cuda_finetune.jsonl"; ///< the file that a run's terms are written to
    std::string replay{};                      ///< the one that they are read from, in place of a run; empty: a run
    std::string json{};
    Place on = Place::device;
    Method method{};
    double learning_rate = 1.5e-3;
    double angle = 45;
    std::uint64_t forwards = 5000;
    std::size_t batch = 128;
    int threads = 0;  ///< of the host: 0: all

    std::uint64_t steps() const { return forwards / (std::uint64_t{2} * method.queries); }
};

/// Reads the command line. Throws UsageError.
std::variant<Options, Message> read_options(int argc, const char* const* argv);

}  // namespace cuda_finetune
