#pragma once

#include <string>

namespace finetune {

/// The whole of a UTF-8 text file. Throws files::FileError naming the file and the byte if it cannot be read, is empty or is not UTF-8.
std::string read_text(const std::string& path);

}  // namespace finetune
