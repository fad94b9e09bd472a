#include "language.hpp"

namespace finetune {

/// Writes sentences of one form.
class Language::Writer {
public:
    Writer(const Language& language, Form form, std::uint64_t seed) : language_(language), changed_(form == Form::changed), bits_(seed) {}

    void sentence(std::vector<int>& words) {
        const int actor = below(language_.animals_.count);
        if (changed_) {
            place(words, actor);
            animal(words, actor);
            action(words, actor);
        } else {
            animal(words, actor);
            action(words, actor);
            place(words, actor);
        }
        words.push_back(language_.full_stop_);
    }

private:
    // By hand: the standard's distributions differ between libraries.
    int below(int count) { return static_cast<int>(bits_() % static_cast<std::uint64_t>(count)); }
    bool chance(int percent) { return below(100) < percent; }

    /// One of the three words of a kind that an animal prefers; they move with the form.
    int preferred(Kind kind, int animal, int stride) {
        const int shift = changed_ ? 5 : 0;
        return kind.first + (animal * stride + shift + below(3)) % kind.count;
    }

    void animal(std::vector<int>& words, int animal) {
        const bool described = chance(70);
        const int adjective = preferred(language_.adjectives_, animal, 3);
        words.push_back(language_.articles_.first + below(language_.articles_.count));
        if (described && !changed_) words.push_back(adjective);
        words.push_back(language_.animals_.first + animal);
        if (described && changed_) words.push_back(adjective);
    }

    void action(std::vector<int>& words, int actor) {
        words.push_back(preferred(language_.actions_, actor, 2));
        animal(words, (actor + 1 + below(3)) % language_.animals_.count);
    }

    void place(std::vector<int>& words, int actor) {
        if (!chance(60)) return;
        const int place = preferred(language_.places_, actor, 1);
        words.push_back(language_.prepositions_.first + (place - language_.places_.first) % language_.prepositions_.count);
        words.push_back(language_.articles_.first);
        words.push_back(place);
    }

    const Language& language_;
    bool changed_;
    std::mt19937_64 bits_;
};

Language::Language() : words_{"<unknown>", "<start>", "<end>"} {
    articles_ = add({"the", "a"});
    adjectives_ = add({"small", "tired", "old", "quick", "shy", "brave", "hungry", "young", "quiet", "proud"});
    animals_ = add({"fox", "owl", "hare", "bear", "crow", "otter", "wolf", "mouse", "frog", "deer", "goat", "heron"});
    actions_ = add({"chases", "follows", "hears", "greets", "fears", "finds", "helps", "meets", "sees", "calls", "warns", "visits"});
    prepositions_ = add({"near", "behind", "below", "above"});
    places_ = add({"river", "hill", "barn", "bridge", "forest", "road", "lake", "tower"});
    full_stop_ = add({"."}).first;
}

Language::Kind Language::add(const std::vector<std::string>& words) {
    const Kind kind{static_cast<int>(words_.size()), static_cast<int>(words.size())};
    words_.insert(words_.end(), words.begin(), words.end());
    return kind;
}

std::vector<int> Language::write(Form form, std::size_t count, std::uint64_t seed) const {
    std::vector<int> words;
    words.reserve(count + 16);
    Writer writer(*this, form, seed);
    while (words.size() < count) writer.sentence(words);
    words.resize(count);
    return words;
}

std::string Language::text(std::span<const int> words) const {
    std::string text;
    for (const int word : words) {
        if (!text.empty()) text += ' ';
        text += words_[static_cast<std::size_t>(word)];
    }
    return text;
}

}  // namespace finetune
