#include "tokenizer.hpp"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <optional>

namespace llama {
namespace {

constexpr std::int32_t longest_possible = 1 << 16;

/// Length of the code point at `offset` as llama2.c sees it: a byte and the continuation bytes after it, four at most.
std::size_t code_point_length(std::string_view text, std::size_t offset) {
    std::size_t length = 1;
    while (length < 4 && offset + length < text.size() && (static_cast<unsigned char>(text[offset + length]) & 0xC0) == 0x80) ++length;
    return length;
}

/// "<0x0A>" and its like stand for one byte.
std::optional<char> byte_of(std::string_view piece) {
    if (piece.size() != 6 || !piece.starts_with("<0x") || piece[5] != '>') return std::nullopt;
    int value = 0;
    for (const char digit : piece.substr(3, 2)) {
        if (digit >= '0' && digit <= '9') {
            value = value * 16 + (digit - '0');
        } else if (digit >= 'A' && digit <= 'F') {
            value = value * 16 + (digit - 'A' + 10);
        } else {
            return std::nullopt;
        }
    }
    return static_cast<char>(value);
}

std::size_t pair_of(char left, char right) { return std::size_t{static_cast<unsigned char>(left)} << 8 | static_cast<unsigned char>(right); }

}  // namespace

/// Merges the tokens of a part of a text, in memory that it keeps for the next.
class Tokenizer::Merger {
public:
    explicit Merger(const Tokenizer& tokenizer) : tokenizer_(tokenizer) {}

    void add(int token) {
        const auto index = static_cast<std::int64_t>(nodes_.size());
        nodes_.push_back({token, index - 1, index + 1});
    }
    bool empty() const { return nodes_.empty(); }
    int last() const { return nodes_.back().token; }

    /// Moves the tokens that remain to `tokens`.
    void merge_onto(std::vector<int>& tokens) {
        for (std::int64_t i = 0; i + 1 < count(); ++i) consider(i);
        while (!candidates_.empty()) {
            std::pop_heap(candidates_.begin(), candidates_.end());
            const Candidate best = candidates_.back();
            candidates_.pop_back();
            Node& left = node(best.left);
            if (left.token != best.left_token || left.next >= count() || node(left.next).token != best.right_token) continue;
            Node& right = node(left.next);
            left.token = best.merged;
            left.next = right.next;
            right.token = -1;
            if (left.next < count()) node(left.next).previous = best.left;
            consider(left.previous);
            consider(best.left);
        }
        for (std::int64_t i = 0; i < count(); i = node(i).next) tokens.push_back(node(i).token);
        nodes_.clear();
    }

private:
    /// A token while it is being merged: a list linked by index, in the order of the text.
    struct Node {
        int token;  // -1 once merged into its left neighbour
        std::int64_t previous;
        std::int64_t next;
    };

    /// A pair that could be merged; valid only as long as both its tokens are still there.
    struct Candidate {
        float score;
        std::int64_t left;
        int left_token;
        int right_token;
        int merged;

        bool operator<(const Candidate& other) const { return score != other.score ? score < other.score : left > other.left; }
    };

    std::int64_t count() const { return static_cast<std::int64_t>(nodes_.size()); }
    Node& node(std::int64_t index) { return nodes_[static_cast<std::size_t>(index)]; }

    void consider(std::int64_t left) {
        if (left < 0 || node(left).next >= count()) return;
        const int left_token = node(left).token, right_token = node(node(left).next).token;
        joined_.assign(tokenizer_.piece(left_token).bytes).append(tokenizer_.piece(right_token).bytes);
        const auto found = tokenizer_.ids_.find(joined_);
        if (found == tokenizer_.ids_.end()) return;
        candidates_.push_back({tokenizer_.piece(found->second).score, left, left_token, right_token, found->second});
        std::push_heap(candidates_.begin(), candidates_.end());
    }

    const Tokenizer& tokenizer_;
    std::vector<Node> nodes_;
    std::vector<Candidate> candidates_;  // a heap
    std::string joined_;
};

Tokenizer::Tokenizer(std::vector<Piece> pieces) : pieces_(std::move(pieces)) {
    ids_.reserve(pieces_.size());
    for (std::size_t token = 0; token < pieces_.size(); ++token) ids_.emplace(pieces_[token].bytes, static_cast<int>(token));
    neighbours_.resize(1 << 16);
    for (const Piece& piece : pieces_) {
        for (std::size_t i = 1; i < piece.bytes.size(); ++i) neighbours_[pair_of(piece.bytes[i - 1], piece.bytes[i])] = true;
    }
}

Tokenizer Tokenizer::read(const std::filesystem::path& path, int vocab) {
    std::error_code error;
    const std::filesystem::file_status status = std::filesystem::status(path, error);
    if (!std::filesystem::exists(status)) throw FileError(path, "", "no such file");
    if (!std::filesystem::is_regular_file(status)) throw FileError(path, "", "is not a regular file");
    std::ifstream stream(path, std::ios::binary);
    if (!stream) throw FileError(path, "", std::string("cannot be read: ") + std::strerror(errno));

    std::size_t offset = 0;
    const auto fail = [&](const std::string& reason) { throw FileError(path, "byte " + std::to_string(offset), reason); };
    const auto read = [&](void* target, std::size_t bytes, const std::string& reason) {
        stream.read(static_cast<char*>(target), static_cast<std::streamsize>(bytes));
        if (static_cast<std::size_t>(stream.gcount()) != bytes) fail(reason);
        offset += bytes;
    };

    std::int32_t longest = 0;
    read(&longest, sizeof longest, "ends within the header");
    offset = 0;
    if (longest < 1 || longest > longest_possible) fail("not a tokenizer: its longest token has " + std::to_string(longest) + " bytes");
    offset = sizeof longest;

    // Each takes eight bytes at least: a file that is too short costs no memory.
    const std::uintmax_t size = std::filesystem::file_size(path, error);
    if (error) throw FileError(path, "", "cannot be read: " + error.message());
    std::vector<Piece> pieces;
    if ((size - offset) / 8 >= static_cast<std::uintmax_t>(vocab)) pieces.reserve(static_cast<std::size_t>(vocab));
    for (int token = 0; token < vocab; ++token) {
        const std::string name = "token " + std::to_string(token);
        const std::string ends = "ends at " + name + ", but the model has " + std::to_string(vocab) + " tokens";
        Piece piece;
        std::int32_t length = 0;
        read(&piece.score, sizeof piece.score, ends);
        if (!std::isfinite(piece.score)) fail("the score of " + name + " is not finite");
        read(&length, sizeof length, ends);
        if (length < 0 || length > longest) {
            fail("the length of " + name + " is " + std::to_string(length) + ", outside 0.." + std::to_string(longest));
        }
        piece.bytes.resize(static_cast<std::size_t>(length));
        read(piece.bytes.data(), piece.bytes.size(), ends);
        pieces.push_back(std::move(piece));
    }
    if (stream.peek() != std::ifstream::traits_type::eof()) {
        fail("goes on after token " + std::to_string(vocab - 1) + ", the model's last: a tokenizer of another vocabulary");
    }
    return Tokenizer(std::move(pieces));
}

std::vector<int> Tokenizer::encode(std::string_view text, Marks marks) const {
    std::vector<int> tokens;
    append(tokens, text, marks);
    return tokens;
}

bool Tokenizer::part(int left, int right) const {
    const std::string &before = piece(left).bytes, &after = piece(right).bytes;
    return !before.empty() && !after.empty() && !neighbours_[pair_of(before.back(), after.front())];
}

void Tokenizer::append(std::vector<int>& tokens, std::string_view text, Marks marks) const {
    if (marks.start) tokens.push_back(start);  // marks are never merged
    Merger merger(*this);
    const auto add_token = [&](int token) {
        if (!merger.empty() && part(merger.last(), token)) merger.merge_onto(tokens);
        merger.add(token);
    };
    const auto add = [&](std::string_view code_point) {
        if (const auto found = ids_.find(code_point); found != ids_.end()) return add_token(found->second);
        for (const char byte : code_point) {
            const int token = first_byte + static_cast<int>(static_cast<unsigned char>(byte));
            add_token(token < vocab() ? token : unknown);
        }
    };
    if (marks.space && !text.empty()) add(" ");
    const std::size_t first = tokens.size();
    for (std::size_t i = 0; i < text.size();) {
        const std::size_t length = code_point_length(text, i);
        add(text.substr(i, length));
        i += length;
        // As many more as the rest will give at the rate so far, and a little: doubling would take twice the memory for a moment, and keep it.
        constexpr std::size_t few = 1 << 12;
        if (tokens.size() + length > tokens.capacity() && tokens.size() >= few) {
            const double share = static_cast<double>(tokens.size() - first + 64) / static_cast<double>(i);
            const auto rest = static_cast<std::size_t>(1.02 * share * static_cast<double>(text.size() - i));
            tokens.reserve(std::max(tokens.size() + 64 + rest, tokens.capacity() + tokens.capacity() / 4));
        }
    }
    if (!merger.empty()) merger.merge_onto(tokens);
    if (marks.end) tokens.push_back(end);
}

std::string Tokenizer::decode(int previous, int token) const {
    if (token == start || token == end) return {};
    std::string_view bytes = piece(token).bytes;
    if (previous == start && bytes.starts_with(' ')) bytes.remove_prefix(1);
    if (const std::optional<char> byte = byte_of(bytes)) return std::string(1, *byte);
    return std::string(bytes);
}

std::string Tokenizer::decode(std::span<const int> tokens) const {
    std::string text;
    int previous = unknown;
    for (const int token : tokens) {
        text += decode(previous, token);
        previous = token;
    }
    return text;
}

}  // namespace llama
