#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <span>
#include <string>
#include <vector>

namespace finetune {

/// A made-up language: sentences such as "the small fox chases a tired owl near the river ." drawn from a grammar in which every
/// animal has adjectives, actions and places it prefers.
///
/// The changed form has the same words, but adjectives follow their nouns, the place comes first, and the animals have other
/// preferences.
class Language {
public:
    enum class Form { original, changed };

    Language();

    /// Number of words; words 0, 1 and 2 are never used, as in a tokenizer (unknown, start, end).
    int vocabulary() const { return static_cast<int>(words_.size()); }
    int full_stop() const { return full_stop_; }

    /// `count` words of running text. The same seed gives the same text.
    std::vector<int> write(Form form, std::size_t count, std::uint64_t seed) const;

    std::string text(std::span<const int> words) const;

private:
    /// Consecutive words of one kind.
    struct Kind {
        int first = 0;
        int count = 0;
    };

    Kind add(const std::vector<std::string>& words);

    class Writer;

    std::vector<std::string> words_;
    Kind articles_, adjectives_, animals_, actions_, prepositions_, places_;
    int full_stop_;
};

}  // namespace finetune
