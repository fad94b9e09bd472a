#include "safetensors.hpp"

#include <cstdint>
#include <fstream>
#include <utility>

#include <nlohmann/json.hpp>

#include "atomic_file.hpp"

namespace files {
namespace {

std::string place_of(const std::string& tensor) { return "tensor " + tensor; }

}  // namespace

const Safetensors::Tensor* Safetensors::find(const std::string& name) const {
    for (const Tensor& tensor : tensors) {
        if (tensor.name == name) return &tensor;
    }
    return nullptr;
}

Safetensors read_safetensors(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) throw FileError(path, "", "cannot be opened");
    std::error_code error;
    const std::uintmax_t size = std::filesystem::file_size(path, error);
    if (error) throw FileError(path, "", error.message());
    unsigned char length_bytes[8] = {};
    file.read(reinterpret_cast<char*>(length_bytes), 8);
    std::uint64_t length = 0;
    for (int i = 7; i >= 0; --i) length = (length << 8) | length_bytes[i];
    if (size < 8 || length > size - 8) throw FileError(path, "byte 0", "the header's length does not fit the file");
    std::string header(static_cast<std::size_t>(length), '\0');
    file.read(header.data(), static_cast<std::streamsize>(length));
    const std::uint64_t data = 8 + length;
    Safetensors result;
    try {
        const nlohmann::json entries = nlohmann::json::parse(header);
        for (const auto& [name, entry] : entries.items()) {
            if (name == "__metadata__") {
                result.metadata = entry.get<std::map<std::string, std::string>>();
                continue;
            }
            const auto shape = entry.at("shape").get<std::vector<std::size_t>>();
            const auto offsets = entry.at("data_offsets").get<std::vector<std::uint64_t>>();
            if (entry.at("dtype") != "F32" || shape.empty() || shape.size() > 2 || offsets.size() != 2) {
                throw FileError(path, place_of(name), "only float32 vectors and matrices can be read");
            }
            Safetensors::Tensor tensor{name, shape[0], shape.size() == 2 ? shape[1] : 1, {}};
            if (tensor.columns != 0 && tensor.rows > size / tensor.columns) throw FileError(path, place_of(name), "its shape does not fit the file");
            const std::uint64_t bytes = std::uint64_t{tensor.rows} * tensor.columns * sizeof(float);
            if (offsets[0] > offsets[1] || offsets[1] - offsets[0] != bytes || offsets[1] > size - data) {
                throw FileError(path, place_of(name), "its data does not lie in the file");
            }
            tensor.values.resize(tensor.rows * tensor.columns);
            file.seekg(static_cast<std::streamoff>(data + offsets[0]));
            file.read(reinterpret_cast<char*>(tensor.values.data()), static_cast<std::streamsize>(bytes));
            if (!file) throw FileError(path, place_of(name), "the file ends early");
            result.tensors.push_back(std::move(tensor));
        }
    } catch (const nlohmann::json::exception& exception) {
        throw FileError(path, "header", exception.what());
    }
    return result;
}

void write_safetensors(const std::filesystem::path& path, std::span<const TensorView> tensors, const std::map<std::string, std::string>& metadata) {
    nlohmann::ordered_json header;
    if (!metadata.empty()) header["__metadata__"] = metadata;
    std::uint64_t offset = 0;
    for (const TensorView& tensor : tensors) {
        const std::uint64_t end = offset + tensor.values.size_bytes();
        header[tensor.name] = {{"dtype", "F32"}, {"shape", {tensor.rows, tensor.columns}}, {"data_offsets", {offset, end}}};
        offset = end;
    }
    std::string text = header.dump();
    text.resize((text.size() + 7) / 8 * 8, ' ');  // values begin at a multiple of 8 bytes
    AtomicFile file(path);
    for (int i = 0; i < 8; ++i) file.stream().put(static_cast<char>(text.size() >> (8 * i)));
    file.stream() << text;
    for (const TensorView& tensor : tensors) {
        file.stream().write(reinterpret_cast<const char*>(tensor.values.data()), static_cast<std::streamsize>(tensor.values.size_bytes()));
    }
    file.commit();
}

}  // namespace files
