// Checkpoints and tokenizers: what is written is read again, what is none is refused by name and place.

#include "data_file.hpp"

#include <llama/checkpoint.hpp>
#include <llama/generate.hpp>
#include <llama/tokenizer.hpp>

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <random>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;

struct Folder {
    fs::path path = fs::temp_directory_path() / ("zeroth_llama_" + std::to_string(std::random_device()()));

    Folder() { fs::create_directory(path); }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    ~Folder() { fs::remove_all(path); }
    std::size_t files() const { return static_cast<std::size_t>(std::distance(fs::directory_iterator(path), {})); }
};

std::string read(const fs::path& path) {
    std::ifstream stream(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
}
void write(const fs::path& path, const std::string& bytes) { std::ofstream(path, std::ios::binary) << bytes; }

template <class Value>
void put(std::string& bytes, std::size_t offset, Value value) {
    std::memcpy(bytes.data() + offset, &value, sizeof value);
}

template <class Call>
std::string refusal(Call call) {
    try {
        call();
    } catch (const files::FileError& error) {
        return error.what();
    }
    return "";
}

llama::Config small(bool tied) { return {.dim = 16, .hidden = 12, .layers = 2, .heads = 4, .kv_heads = 2, .vocab = 20, .sequence = 10, .tied = tied}; }

bool same(const llama::Model<float>& left, const llama::Model<float>& right) {
    return left.config() == right.config() && std::ranges::equal(left.values(), right.values());
}

constexpr llama::CheckpointFormat formats[] = {llama::CheckpointFormat::legacy, llama::CheckpointFormat::version_1};

/// Merges the best pair of all neighbours until there is none: encode() without its queue.
std::vector<int> merged_naively(const llama::Tokenizer& tokenizer, std::string_view text) {
    std::vector<std::string> pieces;
    for (int token = 0; token < tokenizer.vocab(); ++token) pieces.push_back(tokenizer.piece(token).bytes);
    const auto id = [&](const std::string& bytes) { return std::ranges::find(pieces, bytes) - pieces.begin(); };
    std::vector<int> tokens;
    for (std::size_t i = 0; i < text.size();) {
        std::size_t length = 1;
        while (length < 4 && i + length < text.size() && (static_cast<unsigned char>(text[i + length]) & 0xC0) == 0x80) ++length;
        const std::string point(text.substr(i, length));
        if (const auto token = id(point); token < tokenizer.vocab()) {
            tokens.push_back(static_cast<int>(token));
        } else {
            for (const char byte : point) tokens.push_back(3 + static_cast<unsigned char>(byte));
        }
        i += length;
    }
    while (true) {
        std::size_t best = tokens.size();
        int into = 0;
        for (std::size_t i = 0; i + 1 < tokens.size(); ++i) {
            const auto token = id(tokenizer.piece(tokens[i]).bytes + tokenizer.piece(tokens[i + 1]).bytes);
            if (token == tokenizer.vocab()) continue;
            if (best == tokens.size() || tokenizer.piece(static_cast<int>(token)).score > tokenizer.piece(into).score) {
                best = i;
                into = static_cast<int>(token);
            }
        }
        if (best == tokens.size()) return tokens;
        tokens[best] = into;
        tokens.erase(tokens.begin() + static_cast<std::ptrdiff_t>(best) + 1);
    }
}

std::string tokenizer_bytes(const std::vector<llama::Tokenizer::Piece>& pieces) {
    std::string bytes(4, '\0');
    put(bytes, 0, std::int32_t{6});
    for (const auto& piece : pieces) {
        const std::size_t at = bytes.size();
        bytes.resize(at + 8);
        put(bytes, at, piece.score);
        put(bytes, at + 4, static_cast<std::int32_t>(piece.bytes.size()));
        bytes += piece.bytes;
    }
    return bytes;
}

/// The fixed tokens, the letters a to d, and merges of them with scores of which some are equal.
std::vector<llama::Tokenizer::Piece> letter_pieces() {
    std::vector<llama::Tokenizer::Piece> pieces{{"<unk>", 0}, {"\n<s>\n", 0}, {"\n</s>\n", 0}};
    for (int byte = 0; byte < 256; ++byte) {
        constexpr char digits[] = "0123456789ABCDEF";
        pieces.push_back({std::string("<0x") + digits[byte / 16] + digits[byte % 16] + ">", 0});
    }
    for (const char* letter : {" ", "a", "b", "c", "d", "\xC3\xA9"}) pieces.push_back({letter, -100});
    for (const char* merge : {"ab", "bc", "cd", "da", "aa", " a", "abc", "bcd", "abab", "dabc", "aaaa", "aab"}) {
        pieces.push_back({merge, -static_cast<float>(std::strlen(merge) % 3)});
    }
    return pieces;
}

}  // namespace

TEST_CASE("A checkpoint is read as it was written, in both formats") {
    const Folder folder;
    for (const bool tied : {true, false}) {
        const auto model = llama::Model<float>::random(small(tied), 2);
        for (const auto format : formats) {
            llama::write_checkpoint(folder.path / "model.bin", model, format);
            llama::CheckpointFormat found{};
            CHECK(same(llama::read_checkpoint(folder.path / "model.bin", &found), model));
            CHECK(found == format);
        }
    }
}

TEST_CASE("A file that is no checkpoint is refused, with its name, the place and the reason") {
    const Folder folder;
    const fs::path path = folder.path / "bad.bin";
    const auto refused = [&](const std::string& bytes) {
        write(path, bytes);
        const std::string message = refusal([&] { llama::read_checkpoint(path); });
        CHECK(message.starts_with(path.string() + ": "));
        CHECK(message.find('\n') == std::string::npos);
        return message;
    };
    for (const bool tied : {true, false}) {
        for (const auto format : formats) {
            const std::size_t header = format == llama::CheckpointFormat::legacy ? 0 : 8;
            llama::write_checkpoint(path, llama::Model<float>::random(small(tied), 2), format);
            const std::string whole = read(path);
            for (std::size_t size = 0; size < whole.size(); size += 1 + size / 7) refused(whole.substr(0, size));
            CHECK(refused(whole.substr(0, whole.size() - 1)).find("byte " + std::to_string(whole.size() - 1)) != std::string::npos);
            CHECK(refused(whole + '\0').find("follow the last tensor") != std::string::npos);
            for (std::size_t field = 0; field < 7; ++field) {
                for (const std::int32_t value : {0, -7, 13, std::numeric_limits<std::int32_t>::max(), std::numeric_limits<std::int32_t>::min()}) {
                    // Another sequence length is another model of version 1, of the same size.
                    if (field == 6 && value == 13 && format == llama::CheckpointFormat::version_1) continue;
                    std::string bytes = whole;
                    put(bytes, header + 4 * field, value);
                    refused(bytes);
                }
            }
            std::string bytes = whole;
            put(bytes, whole.size() / 2 & ~std::size_t{3}, std::numeric_limits<float>::quiet_NaN());
            CHECK(refused(bytes).find("is not finite") != std::string::npos);
        }
    }
    CHECK(refused("Once upon a time, there was a little girl named Lily. She loved to play").find("not") != std::string::npos);
    CHECK(refusal([&] { llama::read_checkpoint(folder.path / "none.bin"); }).ends_with("no such file"));
    CHECK(refusal([&] { llama::read_checkpoint(folder.path); }).ends_with("is not a regular file"));
}

TEST_CASE("A checkpoint that cannot be written leaves what was there") {
    const Folder folder;
    const auto model = llama::Model<float>::random(small(true), 2);
    CHECK(refusal([&] { llama::write_checkpoint(folder.path / "none" / "model.bin", model); }).find("none") != std::string::npos);
    fs::create_directory(folder.path / "taken");
    CHECK(!refusal([&] { llama::write_checkpoint(folder.path / "taken", model); }).empty());
    CHECK(folder.files() == 1);
    if (fs::exists("/dev/full")) {
        CHECK(!refusal([&] { llama::write_checkpoint("/dev/full", model); }).empty());
        CHECK(fs::is_character_file("/dev/full"));
    }
}

TEST_CASE("Text is encoded as by merging the best pair again and again") {
    const llama::Tokenizer tokenizer(letter_pieces());
    std::mt19937 bits(4);
    for (int round = 0; round < 300; ++round) {
        std::string text;
        const std::size_t length = bits() % 40;
        for (std::size_t i = 0; i < length; ++i) {
            const char* const parts[] = {"a", "b", "c", "d", " ", "a", "b", "\xC3\xA9", "\xE2\x82\xAC", "x", "\n"};
            text += parts[bits() % std::size(parts)];
        }
        INFO(text);
        const std::vector<int> tokens = tokenizer.encode(text, {.space = false});
        REQUIRE(tokens == merged_naively(tokenizer, text));
        REQUIRE(tokenizer.decode(tokens) == text);
        REQUIRE(tokenizer.encode(text) == (text.empty() ? tokens : merged_naively(tokenizer, " " + text)));
    }
    for (int round = 0; round < 100; ++round) {  // any bytes come back
        std::string text;
        for (int i = 0; i < 30; ++i) text += static_cast<char>(bits());
        REQUIRE(tokenizer.decode(tokenizer.encode(text, {.space = false})) == text);
    }
    const std::vector<int> marked = tokenizer.encode("ab", {.start = true, .end = true});
    CHECK(marked.front() == llama::Tokenizer::start);
    CHECK(marked.back() == llama::Tokenizer::end);
    CHECK(tokenizer.decode(marked) == "ab");
}

TEST_CASE("Well-formed UTF-8 is told from what is not") {
    for (const char* text : {"", "plain", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80", "\xEF\xBF\xBD", "\xF4\x8F\xBF\xBF"}) {
        CHECK(!llama::first_invalid_utf8(text));
    }
    for (const char* text : {"\x80", "\xC0\xAF", "\xC3", "\xE2\x82", "\xE0\x80\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF", "\xC3z"}) {
        CHECK(llama::first_invalid_utf8(std::string("fine ") + text + "z") == 5);
    }
}

TEST_CASE("A tokenizer that is none, or another model's, is refused") {
    const Folder folder;
    const fs::path path = folder.path / "tokenizer.bin";
    const std::vector<llama::Tokenizer::Piece> pieces = letter_pieces();
    const int vocab = static_cast<int>(pieces.size());
    const std::string whole = tokenizer_bytes(pieces);
    const auto refused = [&](const std::string& bytes, int size) {
        write(path, bytes);
        const std::string message = refusal([&] { llama::Tokenizer::read(path, size); });
        CHECK(message.starts_with(path.string() + ": "));
        return message;
    };
    write(path, whole);
    CHECK(llama::Tokenizer::read(path, vocab).encode("abab") == llama::Tokenizer(pieces).encode("abab"));
    for (std::size_t size = 0; size < whole.size(); size += 1 + size / 5) refused(whole.substr(0, size), vocab);
    CHECK(refused(whole, vocab + 1).find("ends at token " + std::to_string(vocab)) != std::string::npos);
    CHECK(refused(whole, vocab - 1).find("another vocabulary") != std::string::npos);
    for (const std::int32_t length : {-1, 7, 1 << 30}) {
        std::string bytes = whole;
        put(bytes, 8, length);
        CHECK(refused(bytes, vocab).find("length of token 0") != std::string::npos);
    }
    std::string bytes = whole;
    put(bytes, 4, std::numeric_limits<float>::infinity());
    CHECK(refused(bytes, vocab).find("score of token 0") != std::string::npos);
    CHECK(refusal([&] { llama::Tokenizer::read(folder.path / "none", 1); }).ends_with("no such file"));
}

TEST_CASE("The published checkpoint tells its story from both formats") {
    const fs::path legacy = data_file("stories260K/stories260K.bin"), version_1 = data_file("stories260K/stories260K_v1.bin"),
                   vocabulary = data_file("stories260K/tok512.bin"), text_path = data_file("text/tinystories_sample.txt");
    if (legacy.empty() || version_1.empty() || vocabulary.empty() || text_path.empty()) SKIP("ZEROTH_DATA_DIR has no stories260K");
    llama::CheckpointFormat format{};
    const llama::Model<float> model = llama::read_checkpoint(legacy, &format);
    CHECK(format == llama::CheckpointFormat::legacy);
    CHECK(same(llama::read_checkpoint(version_1, &format), model));
    CHECK(format == llama::CheckpointFormat::version_1);
    const llama::Tokenizer tokenizer = llama::Tokenizer::read(vocabulary, model.config().vocab);
    llama::Generator<float> generator(model);
    const std::vector<int> start{llama::Tokenizer::start};
    std::vector<int> story = llama::generate(generator, start, {.tokens = 60});
    story.insert(story.begin(), llama::Tokenizer::start);
    CHECK(tokenizer.decode(story).starts_with("Once upon a time, there was a little girl named Lily."));

    const std::string text = read(text_path).substr(0, 4000);
    CHECK(tokenizer.encode(text, {.space = false}) == merged_naively(tokenizer, text));
    CHECK(tokenizer.decode(tokenizer.encode(text, {.start = true})) == text);
    // Both formats are written as they were published.
    const Folder folder;
    llama::write_checkpoint(folder.path / "again.bin", model, llama::CheckpointFormat::version_1);
    CHECK(read(folder.path / "again.bin") == read(version_1));
}
