#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "file_error.hpp"

namespace files {

/// Tensors of float32 with names, as a safetensors file holds them: a JSON header, then the values.
struct Safetensors {
    struct Tensor {
        std::string name;
        std::size_t rows = 0;
        std::size_t columns = 0;
        std::vector<float> values;
    };

    std::vector<Tensor> tensors;
    std::map<std::string, std::string> metadata;

    /// The tensor of that name; null if there is none.
    const Tensor* find(const std::string& name) const;
};

/// Reads a file of float32 vectors (columns 1) and matrices, which must hold to the format's whole layout: no hole between tensors, nothing after the last, no
/// name twice. Memory is not taken before the file is known to have what it says. Throws FileError naming the tensor or the byte.
Safetensors read_safetensors(const std::filesystem::path& path);

/// A tensor to be written.
struct TensorView {
    std::string name;
    std::size_t rows = 0;
    std::size_t columns = 0;
    std::span<const float> values;
};

/// The file appears whole or not at all. Throws FileError.
void write_safetensors(const std::filesystem::path& path, std::span<const TensorView> tensors, const std::map<std::string, std::string>& metadata = {});

}  // namespace files
