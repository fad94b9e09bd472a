#pragma once

#include <zeroth/random/key.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace golden {

/// One line of a file of known answers: what was asked, and the words that came out.
struct Answer {
    std::string name;
    std::string words;
};
using Answers = std::vector<Answer>;

/// A file, what stands at its head, and what makes its lines: scalar code and the reference backend.
struct File {
    std::string name;
    std::string head;
    Answers (*make)();
};
const std::vector<File>& files();

/// The lines of a file in a folder, comments left out.
Answers read(const std::string& folder, const std::string& file);
/// Its text.
std::string text(const File& file, const Answers& answers);

std::string hex(std::uint64_t word, int digits);
std::string bits(float x);
std::string bits(double x);
/// The three words of a key, and of a block.
std::string words(const zeroth::Key& key);
std::string words(const zeroth::BlockIdentity& block);

/// FNV-1a over words, the low byte of each first, so that it is the same on every machine.
class Digest {
  public:
    void add(std::uint64_t word, int bytes) noexcept {
        for (int i = 0; i < bytes; ++i) {
            state_ = (state_ ^ (word >> (8 * i) & 0xFFu)) * 0x100000001B3u;
        }
    }
    [[nodiscard]] std::uint64_t value() const noexcept { return state_; }

  private:
    std::uint64_t state_ = 0xCBF29CE484222325u;
};

Answers directions();
Answers masks();
Answers keys();
Answers schedules();
Answers weights_in_place();
Answers weights_exact();
Answers weights_snapshot();
Answers weights_directions();

} // namespace golden
