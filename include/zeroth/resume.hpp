#pragma once

#include <zeroth/ground/method_name.hpp>
#include <zeroth/ground/state_stream.hpp>

#include <cstdint>
#include <stdexcept>
#include <string>

ZEROTH_BEGIN_NAMESPACE

/// Lets an optimizer go on where another was saved (`optimizer.save(sink)`), with the bits that it would have had:
///
///     zeroth::Optimizer optimizer{parameters, estimator, rule, settings, backend, zeroth::Resume{source}};
///
/// The weights are to be loaded first, as they stood in memory when the state was saved; settings are given again. Backend and number of
/// threads may be others. The state is read once, from its beginning.
struct Resume {
    StateSource source;
    /// Whether the parameters may be others than the saved ones: blocks that are gone (frozen) are passed over, new ones begin as in a new run.
    bool other_blocks = false;
};

/// What a state is of: the names of a method's parts, the seed and the next step.
template <class E, class Rule, class Restore>
struct MethodRecord {
    static void write(StateWriter& writer, std::uint64_t seed, std::uint64_t step) {
        writer.text("estimator", method_name<E>());
        writer.text("direction", method_name<decltype(E::direction)>());
        writer.text("rule", method_name<Rule>());
        writer.text("restore policy", Restore::name);
        writer.number("seed", seed);
        writer.number("step", step);
    }
    /// The next step. Throws std::invalid_argument, which names it, where the state is of another method or seed.
    [[nodiscard]] static std::uint64_t read(StateReader& reader, std::uint64_t seed) {
        reader.require("estimator", method_name<E>());
        reader.require("direction", method_name<decltype(E::direction)>());
        reader.require("rule", method_name<Rule>());
        reader.require("restore policy", Restore::name);
        const auto saved = reader.number<std::uint64_t>("seed");
        if (saved != seed) {
            throw std::invalid_argument{"zeroth: the state's seed is " + std::to_string(saved) + ", the settings' " + std::to_string(seed)};
        }
        return reader.number<std::uint64_t>("step");
    }
};

ZEROTH_END_NAMESPACE
