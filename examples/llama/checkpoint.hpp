#pragma once

#include <filesystem>

#include "../files/file_error.hpp"
#include "model.hpp"

namespace llama {

using files::FileError;

/// llama2.c's checkpoint formats, both little-endian float32.
enum class CheckpointFormat {
    legacy,    ///< seven int32, the tensors in the model's order with the RoPE tables before an untied classifier
    version_1  ///< magic "ak42", version, header padded to 256 bytes; norms first, no RoPE tables
};

/// Reads a checkpoint of either format; `format`, where given, receives which one it was. The header is checked against the size
/// of the file before memory is taken.
///
/// Throws FileError naming the file, the tensor or byte offset and the reason: it cannot be read, is no checkpoint, has an
/// impossible shape, ends early, goes on after the last tensor, or holds a weight that is not finite.
Model<float> read_checkpoint(const std::filesystem::path& path, CheckpointFormat* format = nullptr);

/// Writes a checkpoint aside and renames it over `path`: LoRA's products merged, tensor by tensor, without the prefix and the prompt that a model may have. Throws
/// FileError, and then leaves what was there before.
void write_checkpoint(const std::filesystem::path& path, const Model<float>& model, CheckpointFormat format = CheckpointFormat::legacy);

}  // namespace llama
