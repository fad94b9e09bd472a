#include "checkpoint.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "../files/atomic_file.hpp"
#include "adapters.hpp"
#include "rope.hpp"

namespace llama {
namespace {

static_assert(std::endian::native == std::endian::little, "checkpoints are read and written as they lie in memory");

constexpr std::uint32_t magic = 0x616b3432;  // "ak42"
constexpr std::size_t legacy_header = 28;
constexpr std::size_t version_1_header = 256;

template <class Value>
std::vector<Tensor<Value>> in_file_order(std::vector<Tensor<Value>> tensors, CheckpointFormat format) {
    if (format == CheckpointFormat::legacy) return tensors;
    // Version 1: every norm first (attention, feed-forward, final), the rest in the same order.
    const auto rank = [](const Tensor<Value>& tensor) {
        if (tensor.name.ends_with("attention_norm")) return 0;
        if (tensor.name.ends_with("ffn_norm")) return 1;
        return tensor.name == "final_norm" ? 2 : 3;
    };
    std::vector<Tensor<Value>> sorted;
    for (int place = 0; place < 4; ++place) {
        std::ranges::copy_if(tensors, std::back_inserter(sorted), [&](const Tensor<Value>& tensor) { return rank(tensor) == place; });
    }
    return sorted;
}

/// Bytes of the legacy format's two RoPE tables, [sequence, head_size / 2] each.
std::size_t rope_bytes(const Config& config) {
    return static_cast<std::size_t>(config.sequence) * static_cast<std::size_t>(config.head_size()) * sizeof(float);
}

class Reader {
public:
    explicit Reader(const std::filesystem::path& path) : path_(path) {
        std::error_code error;
        const std::filesystem::file_status status = std::filesystem::status(path, error);
        if (error && !std::filesystem::exists(status)) throw FileError(path, "", "no such file");
        if (!std::filesystem::exists(status)) throw FileError(path, "", "no such file");
        if (!std::filesystem::is_regular_file(status)) throw FileError(path, "", "is not a regular file");
        size_ = std::filesystem::file_size(path);
        stream_.open(path, std::ios::binary);
        if (!stream_) throw FileError(path, "", std::string("cannot be read: ") + std::strerror(errno));
    }

    std::size_t size() const { return size_; }

    void read(void* target, std::size_t bytes, const std::string& what) {
        stream_.read(static_cast<char*>(target), static_cast<std::streamsize>(bytes));
        const auto got = static_cast<std::size_t>(stream_.gcount());
        if (got != bytes) fail(offset_ + got, "ends within " + what);
        offset_ += bytes;
    }

    void skip(std::size_t bytes) {
        stream_.seekg(static_cast<std::streamoff>(bytes), std::ios::cur);
        offset_ += bytes;
    }

    std::size_t offset() const { return offset_; }

    [[noreturn]] void fail(std::size_t offset, const std::string& reason) const {
        throw FileError(path_, "byte " + std::to_string(offset), reason);
    }

private:
    std::filesystem::path path_;
    std::ifstream stream_;
    std::size_t size_ = 0;
    std::size_t offset_ = 0;
};

struct Header {
    Config config;
    CheckpointFormat format = CheckpointFormat::legacy;
};

Config shape(const std::array<std::int32_t, 7>& fields) {
    return {.dim = fields[0],
            .hidden = fields[1],
            .layers = fields[2],
            .heads = fields[3],
            .kv_heads = fields[4],
            .vocab = fields[5],
            .sequence = fields[6]};
}

Header read_header(Reader& reader) {
    std::uint32_t first = 0;
    reader.read(&first, sizeof first, "the header");
    Header header;
    std::array<std::int32_t, 7> fields{};
    if (first == magic) {
        header.format = CheckpointFormat::version_1;
        std::int32_t version = 0;
        std::uint8_t tied = 0;
        reader.read(&version, sizeof version, "the header");
        if (version != 1) reader.fail(4, "version " + std::to_string(version) + " of the format is not supported, only 1 and the legacy form");
        reader.read(fields.data(), sizeof fields, "the header");
        reader.read(&tied, sizeof tied, "the header");
        header.config = shape(fields);
        if (tied > 1) reader.fail(36, "the flag for a tied classifier is " + std::to_string(tied) + ", neither 0 nor 1");
        header.config.tied = tied == 1;
        std::array<char, version_1_header - 37> padding{};
        reader.read(padding.data(), padding.size(), "the header");
        const auto other = std::ranges::find_if(padding, [](char byte) { return byte != 0; });
        if (other != padding.end()) reader.fail(37 + static_cast<std::size_t>(other - padding.begin()), "is not 0, as the rest of the header is");
    } else {
        fields[0] = static_cast<std::int32_t>(first);
        reader.read(fields.data() + 1, sizeof fields - sizeof first, "the header");
        header.config = shape(fields);
        // The sign of the vocabulary's size is the flag for an untied classifier.
        header.config.tied = header.config.vocab > 0;
        if (header.config.vocab < 0 && header.config.vocab > -(1 << 30)) header.config.vocab = -header.config.vocab;
    }
    try {
        header.config.validate();
    } catch (const std::invalid_argument& error) {
        const char* hint = header.format == CheckpointFormat::legacy ? "not a llama2.c checkpoint (no magic ak42, and as a legacy header " : "impossible shape (";
        reader.fail(header.format == CheckpointFormat::legacy ? 0 : 8, hint + std::string(error.what()) + ")");
    }
    return header;
}

/// Compares the size of the file with what its header asks for, so that a short file costs no memory and is refused by name.
void check_size(const Reader& reader, const Header& header) {
    // validate() keeps the number of weights under 2^56 and the tables under 2^39: no overflow.
    std::size_t expected = header.config.parameters() * sizeof(float);
    expected += header.format == CheckpointFormat::legacy ? legacy_header + rope_bytes(header.config) : version_1_header;
    if (reader.size() > expected) {
        reader.fail(expected, std::to_string(reader.size() - expected) + " bytes follow the last tensor");
    }
    if (reader.size() == expected) return;
    const std::string ends = "the file ends here, " + std::to_string(expected - reader.size()) + " bytes short of what its header asks for";
    reader.fail(reader.size(), ends);
}

/// The tensor with LoRA's product added; empty where it has none.
std::vector<float> with_product(const Model<float>& model, const Tensor<const float>& tensor) {
    const bool query = tensor.name.ends_with(".wq"), value = tensor.name.ends_with(".wv");
    if (model.adapters().rank == 0 || !(query || value)) return {};
    const Layer<const float> layer = model.layer(std::stoi(tensor.name.substr(std::string_view("layers.").size())));
    std::vector<float> sum(tensor.values.begin(), tensor.values.end());
    add_product<float>(sum, query ? layer.lora_aq : layer.lora_av, query ? layer.lora_bq : layer.lora_bv, model.adapters());
    return sum;
}

}  // namespace

Model<float> read_checkpoint(const std::filesystem::path& path, CheckpointFormat* format) {
    Reader reader(path);
    const Header header = read_header(reader);
    check_size(reader, header);
    Model<float> model(header.config);
    for (const Tensor<float>& tensor : in_file_order(model.tensors(), header.format)) {
        if (tensor.name == "classifier" && header.format == CheckpointFormat::legacy) reader.skip(rope_bytes(header.config));
        const std::size_t start = reader.offset();
        reader.read(tensor.values.data(), tensor.values.size_bytes(), "tensor " + tensor.name);
        const auto bad = std::find_if(tensor.values.begin(), tensor.values.end(), [](float value) { return !std::isfinite(value); });
        if (bad != tensor.values.end()) {
            const auto index = static_cast<std::size_t>(bad - tensor.values.begin());
            reader.fail(start + index * sizeof(float), "tensor " + tensor.name + ", element " + std::to_string(index) + " is not finite");
        }
    }
    if (format != nullptr) *format = header.format;
    return model;
}

void write_checkpoint(const std::filesystem::path& path, const Model<float>& model, CheckpointFormat format) {
    files::AtomicFile file(path);
    const auto write = [&](const void* data, std::size_t bytes) {
        file.stream().write(static_cast<const char*>(data), static_cast<std::streamsize>(bytes));
    };
    const Config& config = model.config();
    const bool legacy = format == CheckpointFormat::legacy;
    const std::array<std::int32_t, 7> fields{config.dim,      config.hidden, config.layers, config.heads, config.kv_heads, legacy && !config.tied ? -config.vocab : config.vocab,
                                             config.sequence};
    if (legacy) {
        write(fields.data(), sizeof fields);
    } else {
        std::array<char, version_1_header> header{};
        const std::int32_t version = 1;
        std::memcpy(header.data(), &magic, sizeof magic);
        std::memcpy(header.data() + 4, &version, sizeof version);
        std::memcpy(header.data() + 8, fields.data(), sizeof fields);
        header[36] = config.tied ? 1 : 0;
        write(header.data(), header.size());
    }
    const auto write_rope = [&] {
        const std::vector<float> table = rope_table_row_major(config);
        write(table.data(), table.size() * sizeof(float));
    };
    for (const Tensor<const float>& tensor : in_file_order(model.tensors(), format)) {
        if (legacy && tensor.name == "classifier") write_rope();
        const std::vector<float> merged = with_product(model, tensor);
        write(merged.empty() ? tensor.values.data() : merged.data(), tensor.values.size_bytes());
    }
    if (legacy && config.tied) write_rope();
    file.commit();
}

}  // namespace llama
