#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "../files/file_error.hpp"

namespace llama {

using files::FileError;

/// llama2.c's tokenizer: greedy merging of neighbours by score over the code points of a text, with bytes as the fallback.
class Tokenizer {
public:
    static constexpr int unknown = 0;
    static constexpr int start = 1;
    static constexpr int end = 2;
    static constexpr int first_byte = 3;  ///< tokens 3..258 stand for the bytes 0..255

    struct Piece {
        std::string bytes;
        float score = 0;
    };

    /// What encode() puts around the tokens of the text.
    struct Marks {
        bool start = false;
        bool end = false;
        bool space = true;  ///< a space before a text that is not empty, as llama2.c has it
    };

    explicit Tokenizer(std::vector<Piece> pieces);
    Tokenizer(Tokenizer&&) = default;
    Tokenizer& operator=(Tokenizer&&) = default;

    /// Reads tokenizer.bin: int32 longest token, then for each token float32 score, int32 length, bytes.
    /// Throws FileError if it cannot be read, is truncated, malformed, or does not have exactly `vocab` tokens.
    static Tokenizer read(const std::filesystem::path& path, int vocab);

    int vocab() const { return static_cast<int>(pieces_.size()); }
    const Piece& piece(int token) const { return pieces_[static_cast<std::size_t>(token)]; }

    /// The tokens of a text: while there is a neighbouring pair whose concatenation is a token, the one with the highest score,
    /// the leftmost of equals, is merged.
    std::vector<int> encode(std::string_view text, Marks marks) const;
    /// The same, after the tokens that are there. The text is taken in parts that no token can lie across, as a rule words: beside the tokens it needs little
    /// memory.
    void append(std::vector<int>& tokens, std::string_view text, Marks marks) const;
    std::vector<int> encode(std::string_view text) const { return encode(text, Marks{}); }

    /// The text of a token that follows `previous` (a space right after the start token is dropped, as encode() put it there).
    std::string decode(int previous, int token) const;

    /// The text of tokens; the start and end tokens have none.
    std::string decode(std::span<const int> tokens) const;

private:
    class Merger;

    /// Whether no token can hold both of these as neighbours.
    bool part(int left, int right) const;

    std::vector<Piece> pieces_;
    std::unordered_map<std::string_view, int> ids_;  // the keys look into pieces_: it may be moved, not copied
    std::vector<bool> neighbours_;                   // pairs of bytes that some token holds
};

}  // namespace llama
