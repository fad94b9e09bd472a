#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>

#include <program/usage_error.hpp>

#include "method.hpp"

namespace mnist {

using program::Message;
using program::UsageError;

struct Options {
    std::string data{};  ///< the folder of the model and the digits
    Method method{};
    bool recommended = false;  ///< the method's epsilon and learning rate are found from a few losses
    double angle = 45;
    std::uint64_t forwards = 5000;
    std::size_t batch = 128;
    bool validation = false;  ///< evaluates on a part of the training digits, held out of training
    std::uint64_t seed = 1;
    std::uint64_t seeds = 1;  ///< runs, of this seed and the next ones
    int threads = 0;          ///< 0: all

    /// Steps that the forward passes suffice for, after so many for a recommendation. Throws UsageError if it is none.
    std::uint64_t steps_after(std::uint64_t recommendation) const;
};

/// Reads the command line. Throws UsageError.
std::variant<Options, Message> read_options(int argc, const char* const* argv);

}  // namespace mnist
