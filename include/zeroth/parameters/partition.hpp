#pragma once

#include <zeroth/parameters/parameters.hpp>
#include <zeroth/parameters/pattern.hpp>

#include <cstddef>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

ZEROTH_BEGIN_NAMESPACE

/// Parts of the parameters that are trained in turn: each block is in one of them. `names` are the parts', for reports.
struct Partition {
    std::vector<Parameters> parts;
    std::vector<std::string> names;
};

/// The blocks for which select(block) is true, in their order, with the same hook.
template <class Select>
[[nodiscard]] Parameters selected(const Parameters& parameters, const Select& select) {
    Parameters result;
    for (const Block& block : parameters.blocks()) {
        if (select(block)) {
            result.add_memory(block.name, block.data, block.type, block.size(), {block.identity.rows, block.identity.columns}, block.options);
        }
    }
    result.on_change(parameters.hook());
    return result;
}

/// A part for each distinct key_of(block), a string, in the order in which they first occur.
template <class KeyOf>
[[nodiscard]] Partition partition_by(const Parameters& parameters, const KeyOf& key_of) {
    Partition result;
    for (const Block& block : parameters.blocks()) {
        const std::string key = key_of(block);
        bool known = false;
        for (const std::string& name : result.names) {
            known = known || name == key;
        }
        if (!known) {
            result.names.push_back(key);
            result.parts.push_back(selected(parameters, [&](const Block& other) { return key_of(other) == key; }));
        }
    }
    return result;
}

/// A part for each tensor.
[[nodiscard]] inline Partition partition_by_tensor(const Parameters& parameters) {
    return partition_by(parameters, [](const Block& block) { return block.name; });
}

/// A part for each layer: blocks whose names agree up to the first number that stands between dots ("model.layers.7."), and a part for
/// each tensor that is in no layer.
[[nodiscard]] inline Partition partition_by_layer(const Parameters& parameters) {
    return partition_by(parameters, [](const Block& block) {
        const std::string_view name = block.name;
        std::size_t begin = 0;
        while (begin < name.size()) {
            const std::size_t dot = name.find('.', begin);
            if (dot == std::string_view::npos) {
                break;
            }
            if (dot > begin && name.substr(begin, dot - begin).find_first_not_of("0123456789") == std::string_view::npos) {
                return std::string{name.substr(0, dot)};
            }
            begin = dot + 1;
        }
        return block.name;
    });
}

/// A part for each pattern, which takes the blocks that no pattern before it fits, and one named "*" for the rest.
/// Throws std::invalid_argument for a pattern that takes none.
[[nodiscard]] inline Partition partition_by_patterns(const Parameters& parameters, std::span<const std::string> patterns) {
    const auto place_of = [&](const Block& block) {
        std::size_t place = 0;
        while (place < patterns.size() && !matches(patterns[place], block.name)) {
            ++place;
        }
        return place;
    };
    Partition result;
    for (std::size_t place = 0; place <= patterns.size(); ++place) {
        Parameters part = selected(parameters, [&](const Block& block) { return place_of(block) == place; });
        if (!part.blocks().empty()) {
            result.parts.push_back(std::move(part));
            result.names.push_back(place < patterns.size() ? patterns[place] : "*");
        } else if (place < patterns.size()) {
            throw std::invalid_argument{"zeroth: pattern '" + patterns[place] + "' fits no block's name"};
        }
    }
    return result;
}

ZEROTH_END_NAMESPACE
