// Checkpoints and tokenizers: what is written is read again, what is none is refused by name and place.

#include "data_file.hpp"

#include <llama/checkpoint.hpp>
#include <llama/generate.hpp>
#include <llama/tokenizer.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cerrno>
#include <cmath>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <iterator>
#include <limits>
#include <map>
#include <random>
#include <span>
#include <string>
#include <vector>

#include <sys/resource.h>

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

/// Bit for bit.
bool same(const llama::Model<float>& left, const llama::Model<float>& right) {
    return left.config() == right.config() && std::memcmp(left.values().data(), right.values().data(), left.values().size_bytes()) == 0;
}

template <class Value>
void append(std::string& bytes, Value value) {
    bytes.resize(bytes.size() + sizeof value);
    put(bytes, bytes.size() - sizeof value, value);
}

/// A checkpoint as the format's description has it.
std::string checkpoint_bytes(const llama::Model<float>& model, llama::CheckpointFormat format) {
    const llama::Config& c = model.config();
    const bool legacy = format == llama::CheckpointFormat::legacy;
    std::string bytes;
    if (!legacy) {
        bytes = "24ka";
        append(bytes, std::int32_t{1});
    }
    for (const std::int32_t field : {c.dim, c.hidden, c.layers, c.heads, c.kv_heads, legacy && !c.tied ? -c.vocab : c.vocab, c.sequence}) append(bytes, field);
    if (!legacy) {
        bytes += static_cast<char>(c.tied);
        bytes.resize(256);
    }
    using Layer = llama::Layer<const float>;
    const auto add = [&](std::span<const float> values) {
        for (const float value : values) append(bytes, value);
    };
    const auto add_layers = [&](std::initializer_list<std::span<const float> Layer::*> kinds) {
        for (const auto kind : kinds) {
            for (int index = 0; index < c.layers; ++index) add(model.layer(index).*kind);
        }
    };
    if (legacy) {
        add(model.token_embedding());
        add_layers({&Layer::attention_norm, &Layer::wq, &Layer::wk, &Layer::wv, &Layer::wo, &Layer::ffn_norm, &Layer::w1, &Layer::w2, &Layer::w3});
        add(model.final_norm());
        for (const bool cosine : {true, false}) {
            for (int position = 0; position < c.sequence; ++position) {
                for (int i = 0; i < c.head_size(); i += 2) {
                    const double angle = position * std::pow(10000.0, -static_cast<double>(i) / c.head_size());
                    append(bytes, static_cast<float>(cosine ? std::cos(angle) : std::sin(angle)));
                }
            }
        }
    } else {
        add_layers({&Layer::attention_norm, &Layer::ffn_norm});
        add(model.final_norm());
        add(model.token_embedding());
        add_layers({&Layer::wq, &Layer::wk, &Layer::wv, &Layer::wo, &Layer::w1, &Layer::w2, &Layer::w3});
    }
    if (!c.tied) add(model.classifier());
    return bytes;
}

/// No file grows beyond `bytes` while this lives, as on a disk that is full.
class FileSizeLimit {
public:
    explicit FileSizeLimit(std::size_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
        ::getrlimit(RLIMIT_FSIZE, &before_);
        const rlimit limit{static_cast<rlim_t>(bytes), before_.rlim_max};
        ::setrlimit(RLIMIT_FSIZE, &limit);
    }
    FileSizeLimit(const FileSizeLimit&) = delete;
    FileSizeLimit& operator=(const FileSizeLimit&) = delete;
    ~FileSizeLimit() {
        ::setrlimit(RLIMIT_FSIZE, &before_);
        std::signal(SIGXFSZ, handler_);
    }

private:
    void (*handler_)(int);
    rlimit before_{};
};

constexpr llama::CheckpointFormat formats[] = {llama::CheckpointFormat::legacy, llama::CheckpointFormat::version_1};

/// Merges the best pair of all neighbours until there is none: encode() without its queue.
std::vector<int> merged_naively(const llama::Tokenizer& tokenizer, std::string_view text) {
    std::map<std::string, int> ids;
    for (int token = 0; token < tokenizer.vocab(); ++token) ids.emplace(tokenizer.piece(token).bytes, token);
    const auto id = [&](const std::string& bytes) {
        const auto found = ids.find(bytes);
        return found != ids.end() ? found->second : tokenizer.vocab();
    };
    std::vector<int> tokens;
    for (std::size_t i = 0; i < text.size();) {
        std::size_t length = 1;
        while (length < 4 && i + length < text.size() && (static_cast<unsigned char>(text[i + length]) & 0xC0) == 0x80) ++length;
        const std::string point(text.substr(i, length));
        if (const auto token = id(point); token < tokenizer.vocab()) {
            tokens.push_back(token);
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
            if (best == tokens.size() || tokenizer.piece(token).score > tokenizer.piece(into).score) {
                best = i;
                into = token;
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
        auto model = llama::Model<float>::random(small(tied), 2);
        model.values()[3] = -0.0f;
        model.values()[4] = std::numeric_limits<float>::denorm_min();
        model.values().back() = std::numeric_limits<float>::lowest();
        for (const auto format : formats) {
            llama::write_checkpoint(folder.path / "model.bin", model, format);
            CHECK(read(folder.path / "model.bin") == checkpoint_bytes(model, format));
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
            const auto ends_at = [&](std::size_t size) {
                return refused(whole.substr(0, size)).find(": byte " + std::to_string(size) + ": ") != std::string::npos;
            };
            for (std::size_t size = 0; size < whole.size(); size += 1 + size / 7) CHECK(ends_at(size));
            CHECK(ends_at(whole.size() - 1));
            CHECK(refused(whole + '\0').ends_with(": byte " + std::to_string(whole.size()) + ": 1 bytes follow the last tensor"));
            for (std::size_t field = 0; field < 7; ++field) {
                for (const std::int32_t value : {0, -7, 13, std::numeric_limits<std::int32_t>::max(), std::numeric_limits<std::int32_t>::min()}) {
                    // Another sequence length is another model of version 1, of the same size.
                    if (field == 6 && value == 13 && format == llama::CheckpointFormat::version_1) continue;
                    std::string bytes = whole;
                    put(bytes, header + 4 * field, value);
                    refused(bytes);
                }
            }
            const auto refused_for = [&](std::size_t field, std::int32_t value, const std::string& reason) {
                std::string bytes = whole;
                put(bytes, header + 4 * field, value);
                const std::string message = refused(bytes);
                INFO(message);
                CHECK(message.find(": byte " + std::to_string(header) + ": ") != std::string::npos);
                CHECK(message.find(reason) != std::string::npos);
            };
            refused_for(0, -16, "dim is -16, outside 1..");
            refused_for(0, 18, "dim is 18, not a multiple of heads, 4");
            refused_for(0, 20, "the head size, dim / heads, is 5, not even");
            refused_for(1, 0, "hidden is 0, outside 1..");
            refused_for(2, 1 << 30, "layers is 1073741824, outside 1..");
            refused_for(3, 0, "heads is 0, outside 1..16");
            refused_for(4, 3, "heads is 4, not a multiple of kv_heads, 3");
            refused_for(4, 8, "kv_heads is 8, outside 1..4");
            refused_for(5, 0, "vocab is 0, outside 1..");
            refused_for(5, std::numeric_limits<std::int32_t>::min(), "vocab is -2147483648, outside 1..");
            refused_for(6, -1, "sequence is -1, outside 1..");
            std::string largest = whole;  // asks for more memory than there is
            const std::int32_t fields[] = {1 << 16, 1 << 20, 1 << 10, 1, 1, 1 << 24, 1 << 20};
            for (std::size_t field = 0; field < 7; ++field) put(largest, header + 4 * field, fields[field]);
            CHECK(refused(largest).find("bytes short of what its header asks for") != std::string::npos);

            const bool legacy = format == llama::CheckpointFormat::legacy;
            const std::size_t body = legacy ? 28 : 256;
            const std::string first = legacy ? "token_embedding" : "layers.0.attention_norm";
            for (const float value : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity()}) {
                std::string bytes = whole;
                put(bytes, body + 4 * 5, value);
                CHECK(refused(bytes).ends_with(": byte " + std::to_string(body + 20) + ": tensor " + first + ", element 5 is not finite"));
                if (tied) continue;
                bytes = whole;
                put(bytes, whole.size() - 4, value);
                CHECK(refused(bytes).ends_with(": byte " + std::to_string(whole.size() - 4) + ": tensor classifier, element 319 is not finite"));
            }
            if (legacy) continue;
            std::string bytes = whole;
            put(bytes, 4, std::int32_t{2});
            CHECK(refused(bytes).find(": byte 4: version 2 ") != std::string::npos);
            bytes = whole;
            bytes[36] = 2;
            CHECK(refused(bytes).find(": byte 36: ") != std::string::npos);
            for (std::size_t place = 0; place < 4; ++place) {
                bytes = whole;
                bytes[place] = 'x';
                CHECK(refused(bytes).find(": byte 0: not a llama2.c checkpoint (no magic ak42") != std::string::npos);
            }
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

TEST_CASE("A checkpoint whose writing breaks off leaves the old one whole") {
    const Folder folder;
    const fs::path path = folder.path / "model.bin", link = folder.path / "link.bin";
    llama::write_checkpoint(path, llama::Model<float>::random(small(true), 2));
    constexpr fs::perms permissions = fs::perms::owner_read | fs::perms::owner_write;
    fs::permissions(path, permissions);
    fs::create_symlink(path, link);
    const std::string old = read(path);
    const auto large = llama::Model<float>::random({.dim = 64, .hidden = 64, .layers = 4, .heads = 4, .kv_heads = 4, .vocab = 99, .sequence = 10}, 3);
    const auto other = llama::Model<float>::random(small(false), 3);
    for (const auto format : formats) {
        for (const llama::Model<float>* model : {&large, &other}) {
            const std::size_t size = checkpoint_bytes(*model, format).size();
            for (const std::size_t limit : {std::size_t{0}, std::size_t{1000}, size - 1}) {
                std::string message;
                {
                    const FileSizeLimit limited(limit);
                    message = refusal([&] { llama::write_checkpoint(link, *model, format); });
                }
                CHECK(message == link.string() + ": cannot be written: " + std::strerror(EFBIG));
                CHECK(read(path) == old);
                CHECK(folder.files() == 2);
            }
        }
    }
    llama::write_checkpoint(link, other);
    CHECK(fs::is_symlink(link));
    CHECK(same(llama::read_checkpoint(path), other));
    CHECK(fs::status(path).permissions() == permissions);
    CHECK(folder.files() == 2);
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
        REQUIRE(tokenizer.decode(tokenizer.encode(text, {.start = true, .end = true})) == text);
    }
    for (int round = 0; round < 100; ++round) {  // any bytes come back
        std::string text;
        for (int i = 0; i < 30; ++i) text += static_cast<char>(bits());
        REQUIRE(tokenizer.encode(text, {.space = false}) == merged_naively(tokenizer, text));
        REQUIRE(tokenizer.decode(tokenizer.encode(text, {.space = false})) == text);
        REQUIRE(tokenizer.decode(tokenizer.encode(text, {.start = true})) == text);
    }
    const std::vector<int> marked = tokenizer.encode("ab", {.start = true, .end = true});
    CHECK(marked.front() == llama::Tokenizer::start);
    CHECK(marked.back() == llama::Tokenizer::end);
    CHECK(tokenizer.decode(marked) == "ab");
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
    for (std::size_t size = 0; size < whole.size(); size += 1 + size / 5) {
        CHECK(refused(whole.substr(0, size), vocab).find(size < 4 ? ": ends within the header" : ": ends at token ") != std::string::npos);
    }
    CHECK(refused(whole.substr(0, whole.size() - 1), vocab).find(": ends at token " + std::to_string(vocab - 1)) != std::string::npos);
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
    const std::vector<int> start{llama::Tokenizer::start};
    for (const fs::path& path : {legacy, version_1}) {
        const llama::Model<float> teller = llama::read_checkpoint(path);
        llama::Generator<float> generator(teller);
        std::vector<int> story = llama::generate(generator, start, {.tokens = 60});
        story.insert(story.begin(), llama::Tokenizer::start);
        CHECK(tokenizer.decode(story).starts_with("Once upon a time, there was a little girl named Lily. She loved to play outside in the park."));
    }

    const std::string text = read(text_path).substr(0, 4000);
    CHECK(tokenizer.encode(text, {.space = false}) == merged_naively(tokenizer, text));
    CHECK(tokenizer.decode(tokenizer.encode(text, {.start = true})) == text);
    // Both formats are written as they were published, but for the last bits of the RoPE tables.
    const Folder folder;
    llama::write_checkpoint(folder.path / "again.bin", model, llama::CheckpointFormat::version_1);
    CHECK(read(folder.path / "again.bin") == read(version_1));
    llama::write_checkpoint(folder.path / "again.bin", model, llama::CheckpointFormat::legacy);
    const std::string written = read(folder.path / "again.bin"), published = read(legacy);
    const std::size_t tables = 28 + model.values().size_bytes();
    REQUIRE(written.size() == published.size());
    CHECK(written.substr(0, tables) == published.substr(0, tables));
    for (std::size_t at = tables; at < written.size(); at += sizeof(float)) {
        float ours = 0, theirs = 0;
        std::memcpy(&ours, written.data() + at, sizeof ours);
        std::memcpy(&theirs, published.data() + at, sizeof theirs);
        REQUIRE(std::abs(ours - theirs) < 1e-4f);
    }
}

TEST_CASE("The published vocabulary encodes and decodes any text") {
    const fs::path vocabulary = data_file("stories260K/tok512.bin"), prose = data_file("text/tinyshakespeare.txt");
    if (vocabulary.empty() || prose.empty()) SKIP("ZEROTH_DATA_DIR has no stories260K or no tinyshakespeare.txt");
    const llama::Tokenizer tokenizer = llama::Tokenizer::read(vocabulary, 512);
    const std::string all = read(prose);
    CHECK(tokenizer.decode(tokenizer.encode(all, {.start = true})) == all);
    std::mt19937 bits(6);
    for (int round = 0; round < 60; ++round) {
        std::string text = all.substr(bits() % (all.size() - 300), 300);
        if (round % 3 == 1) {  // pieces of the vocabulary, which merge across their ends
            text.clear();
            for (int i = 0; i < 100; ++i) text += tokenizer.piece(static_cast<int>(259 + bits() % 253)).bytes;
        }
        if (round % 3 == 2) {  // torn code points
            for (int i = 0; i < 60; ++i) text[bits() % text.size()] = static_cast<char>(bits());
        }
        const std::vector<int> tokens = tokenizer.encode(text, {.space = false});
        REQUIRE(tokens == merged_naively(tokenizer, text));
        REQUIRE(tokenizer.decode(tokens) == text);
        REQUIRE(tokenizer.decode(tokenizer.encode(text, {.start = true, .end = true})) == text);
    }
    CHECK(refusal([&] { llama::Tokenizer::read(vocabulary, 511); }).find("another vocabulary") != std::string::npos);
    CHECK(refusal([&] { llama::Tokenizer::read(vocabulary, 513); }).find("ends at token 512") != std::string::npos);
}
