#pragma once

#include <filesystem>

#include <llama/model.hpp>

namespace finetune {

/// Writes the model's adapters as a safetensors file: a prefix or a prompt cannot be merged into a checkpoint. Throws files::FileError.
void write_adapters(const std::filesystem::path& path, const llama::Model<float>& model);

/// Gives the model the adapters of such a file. Throws files::FileError, also where they do not fit the model.
void read_adapters(const std::filesystem::path& path, llama::Model<float>& model);

}  // namespace finetune
