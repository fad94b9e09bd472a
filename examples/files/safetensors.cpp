#include "safetensors.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <numeric>
#include <unordered_set>
#include <utility>

#include <nlohmann/json.hpp>

#include "atomic_file.hpp"

namespace files {
namespace {

/// The format's limit, and one on entries of its metadata, which take more memory than the file's bytes.
constexpr std::uint64_t max_header = 100'000'000;
constexpr std::size_t max_metadata = 1 << 16;

std::string place_of(const std::string& tensor) { return "tensor " + tensor; }

/// Takes the header as it is parsed, value by value: a tree of it would be many times as large. Holds to the whole layout: every tensor has a type, a shape and
/// a place; no name is there twice; the tensors lie one after the other from the first byte of the data to the last.
class HeaderReader final : public nlohmann::json_sax<nlohmann::json> {
public:
    HeaderReader(const std::filesystem::path& path, std::uint64_t data, Safetensors& result) : path_(path), data_(data), result_(result) {}

    bool start_object(std::size_t) override {
        if (depth_ == 1 && name_ != metadata_name) result_.tensors.emplace_back().name = name_;
        if (depth_ == 2) wrong();
        field_ = Field::none;
        seen_ = {};
        ++depth_;
        return true;
    }
    bool end_object() override {
        if (--depth_ == 1 && name_ != metadata_name) take_tensor();
        return true;
    }
    bool key(string_t& key) override {
        if (depth_ == 1) {
            name_ = key;
            if (!names_.insert(key).second) fail("is there twice");
        } else if (name_ == metadata_name) {
            metadata_key_ = key;
        } else {
            field_ = key == "dtype" ? Field::dtype : key == "shape" ? Field::shape : key == "data_offsets" ? Field::offsets : Field::none;
            if (field_ == Field::none) fail("has \"" + key + "\", which is not of the format");
            if (!std::exchange(seen_[static_cast<std::size_t>(field_)], true)) return true;
            fail("has \"" + key + "\" twice");
        }
        return true;
    }
    bool string(string_t& value) override {
        if (depth_ == 2 && name_ == metadata_name) {
            if (result_.metadata.size() == max_metadata) fail("has more than " + std::to_string(max_metadata) + " entries");
            if (!result_.metadata.emplace(metadata_key_, value).second) fail("has \"" + metadata_key_ + "\" twice");
        } else if (depth_ == 2 && field_ == Field::dtype && !in_array_) {
            if (value != "F32") only_float32();
        } else {
            wrong();
        }
        return true;
    }
    bool start_array(std::size_t) override {
        if (depth_ != 2 || in_array_ || (field_ != Field::shape && field_ != Field::offsets)) wrong();
        in_array_ = true;
        numbers_.clear();
        return true;
    }
    bool end_array() override {
        in_array_ = false;
        if (field_ == Field::shape) {
            if (numbers_.empty() || numbers_.size() > 2) only_float32();
            shape_ = numbers_;
        } else {
            if (numbers_.size() != 2) wrong();
            offsets_ = numbers_;
        }
        return true;
    }
    bool number_unsigned(number_unsigned_t value) override {
        if (!in_array_) wrong();
        if (numbers_.size() == 2) field_ == Field::shape ? only_float32() : wrong();
        numbers_.push_back(value);
        return true;
    }
    bool null() override { wrong(); }
    bool boolean(bool) override { wrong(); }
    bool number_integer(number_integer_t) override { wrong(); }
    bool number_float(number_float_t, const string_t&) override { wrong(); }
    bool binary(binary_t&) override { wrong(); }
    bool parse_error(std::size_t position, const std::string&, const nlohmann::json::exception& error) override {
        throw FileError(path_, "byte " + std::to_string(7 + position), std::string("the header is no JSON: ") + error.what());
    }

    void check_layout() const {
        std::vector<std::size_t> order(begins_.size());
        std::iota(order.begin(), order.end(), std::size_t{0});
        const auto bytes = [&](std::size_t tensor) { return std::uint64_t{result_.tensors[tensor].rows} * result_.tensors[tensor].columns * sizeof(float); };
        std::ranges::sort(order, [&](std::size_t a, std::size_t b) { return begins_[a] != begins_[b] ? begins_[a] < begins_[b] : bytes(a) < bytes(b); });
        std::uint64_t end = 0;
        for (const std::size_t tensor : order) {
            if (begins_[tensor] != end) throw FileError(path_, place_of(result_.tensors[tensor].name), "does not begin where the one before it ends");
            end += bytes(tensor);
        }
        if (end != data_) throw FileError(path_, "", std::to_string(data_ - end) + " bytes follow the last tensor");
    }

    /// Of the tensors' values in the data.
    const std::vector<std::uint64_t>& offsets() const { return begins_; }

private:
    enum class Field { dtype, shape, offsets, none };
    static constexpr const char* metadata_name = "__metadata__";

    [[noreturn]] void fail(const std::string& reason) const { throw FileError(path_, name_.empty() ? "header" : place_of(name_), reason); }
    [[noreturn]] void wrong() const { fail("is not described as the format has it"); }
    [[noreturn]] void only_float32() const { fail("only float32 vectors and matrices can be read"); }

    void take_tensor() {
        Safetensors::Tensor& tensor = result_.tensors.back();
        if (!seen_[0] || !seen_[1] || !seen_[2]) fail("lacks its dtype, its shape or its data_offsets");
        const std::uint64_t rows = shape_[0], columns = shape_.size() == 2 ? shape_[1] : 1;
        const std::uint64_t most = data_ / sizeof(float);
        if (columns != 0 && rows > most / columns) fail("its shape does not fit the file");
        tensor.rows = static_cast<std::size_t>(rows);
        tensor.columns = static_cast<std::size_t>(columns);
        if (offsets_[0] > offsets_[1] || offsets_[1] > data_ || offsets_[1] - offsets_[0] != rows * columns * sizeof(float)) fail("its data does not lie in the file");
        begins_.push_back(offsets_[0]);
    }

    const std::filesystem::path& path_;
    std::uint64_t data_;  // bytes of all tensors
    Safetensors& result_;
    int depth_ = 0;
    std::string name_, metadata_key_;
    std::unordered_set<std::string> names_;
    Field field_ = Field::none;
    std::array<bool, 3> seen_{};
    bool in_array_ = false;
    std::vector<std::uint64_t> numbers_, shape_, offsets_, begins_;
};

}  // namespace

const Safetensors::Tensor* Safetensors::find(const std::string& name) const {
    for (const Tensor& tensor : tensors) {
        if (tensor.name == name) return &tensor;
    }
    return nullptr;
}

Safetensors read_safetensors(const std::filesystem::path& path) {
    std::error_code error;
    const std::filesystem::file_status status = std::filesystem::status(path, error);
    if (!std::filesystem::exists(status)) throw FileError(path, "", "no such file");
    if (!std::filesystem::is_regular_file(status)) throw FileError(path, "", "is not a regular file");
    std::ifstream file(path, std::ios::binary);
    if (!file) throw FileError(path, "", std::string("cannot be read: ") + std::strerror(errno));
    const std::uintmax_t size = std::filesystem::file_size(path, error);
    if (error) throw FileError(path, "", error.message());
    unsigned char length_bytes[8] = {};
    file.read(reinterpret_cast<char*>(length_bytes), 8);
    std::uint64_t length = 0;
    for (int i = 7; i >= 0; --i) length = (length << 8) | length_bytes[i];
    if (!file || size < 8 || length > size - 8 || length > max_header) throw FileError(path, "byte 0", "the header's length does not fit the file");
    const std::uint64_t data = 8 + length;
    Safetensors result;
    std::vector<std::uint64_t> offsets;
    {
        std::string header(static_cast<std::size_t>(length), '\0');
        file.read(header.data(), static_cast<std::streamsize>(length));
        if (!file) throw FileError(path, "byte 8", "the file ends within the header");
        if (!header.starts_with('{')) throw FileError(path, "byte 8", "the header does not begin with {");
        HeaderReader reader(path, size - data, result);
        nlohmann::json::sax_parse(header, &reader);
        reader.check_layout();
        offsets = reader.offsets();
    }
    // From here on the values are known to be in the file.
    for (std::size_t i = 0; i < result.tensors.size(); ++i) {
        Safetensors::Tensor& tensor = result.tensors[i];
        file.seekg(static_cast<std::streamoff>(data + offsets[i]));
        tensor.values.resize(tensor.rows * tensor.columns);
        file.read(reinterpret_cast<char*>(tensor.values.data()), static_cast<std::streamsize>(tensor.values.size() * sizeof(float)));
        if (!file) throw FileError(path, place_of(tensor.name), "the file ends early");
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
