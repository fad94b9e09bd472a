#include "tokenizer.hpp"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <queue>

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

/// A token of the text while it is being merged: a list linked by index, in the order of the text.
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

}  // namespace

std::optional<std::size_t> first_invalid_utf8(std::string_view text) {
    const auto byte = [&](std::size_t index) { return static_cast<unsigned char>(text[index]); };
    for (std::size_t i = 0; i < text.size();) {
        const unsigned first = byte(i);
        const std::size_t length = first < 0x80 ? 1 : first >= 0xC2 && first < 0xE0 ? 2 : (first & 0xF0) == 0xE0 ? 3 : first >= 0xF0 && first < 0xF5 ? 4 : 0;
        if (length == 0 || text.size() - i < length) return i;
        for (std::size_t j = 1; j < length; ++j) {
            if ((byte(i + j) & 0xC0) != 0x80) return i;
        }
        // The second byte decides over overlong forms, surrogates and what lies beyond U+10FFFF.
        const unsigned second = length > 1 ? byte(i + 1) : 0;
        if ((first == 0xE0 && second < 0xA0) || (first == 0xED && second > 0x9F) || (first == 0xF0 && second < 0x90) || (first == 0xF4 && second > 0x8F)) return i;
        i += length;
    }
    return std::nullopt;
}

Tokenizer::Tokenizer(std::vector<Piece> pieces) : pieces_(std::move(pieces)) {
    ids_.reserve(pieces_.size());
    for (std::size_t token = 0; token < pieces_.size(); ++token) ids_.emplace(pieces_[token].bytes, static_cast<int>(token));
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

    std::vector<Piece> pieces;
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
    if (marks.start) tokens.push_back(start);
    const std::size_t fixed = tokens.size();  // marks are never merged

    const auto add = [&](std::string_view code_point) {
        if (const auto found = ids_.find(code_point); found != ids_.end()) {
            tokens.push_back(found->second);
            return;
        }
        for (const char byte : code_point) {
            const int token = first_byte + static_cast<int>(static_cast<unsigned char>(byte));
            tokens.push_back(token < vocab() ? token : unknown);
        }
    };
    if (marks.space && !text.empty()) add(" ");
    for (std::size_t i = 0; i < text.size();) {
        const std::size_t length = code_point_length(text, i);
        add(text.substr(i, length));
        i += length;
    }

    std::vector<Node> nodes(tokens.size() - fixed);
    const auto count = static_cast<std::int64_t>(nodes.size());
    for (std::int64_t i = 0; i < count; ++i) nodes[static_cast<std::size_t>(i)] = {tokens[fixed + static_cast<std::size_t>(i)], i - 1, i + 1};
    const auto node = [&](std::int64_t index) -> Node& { return nodes[static_cast<std::size_t>(index)]; };

    std::priority_queue<Candidate> candidates;
    std::string joined;
    const auto consider = [&](std::int64_t left) {
        if (left < 0 || node(left).next >= count) return;
        const int left_token = node(left).token, right_token = node(node(left).next).token;
        joined.assign(piece(left_token).bytes).append(piece(right_token).bytes);
        const auto found = ids_.find(joined);
        if (found != ids_.end()) candidates.push({piece(found->second).score, left, left_token, right_token, found->second});
    };
    for (std::int64_t i = 0; i + 1 < count; ++i) consider(i);

    while (!candidates.empty()) {
        const Candidate best = candidates.top();
        candidates.pop();
        Node& left = node(best.left);
        if (left.token != best.left_token || left.next >= count || node(left.next).token != best.right_token) continue;
        Node& right = node(left.next);
        left.token = best.merged;
        left.next = right.next;
        right.token = -1;
        if (left.next < count) node(left.next).previous = best.left;
        consider(left.previous);
        consider(best.left);
    }

    tokens.resize(fixed);
    for (std::int64_t i = 0; i < count; i = node(i).next) tokens.push_back(node(i).token);
    if (marks.end) tokens.push_back(end);
    return tokens;
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
