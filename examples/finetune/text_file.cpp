#include "text_file.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>

#include <files/file_error.hpp>
#include <llama/tokenizer.hpp>

namespace finetune {

using files::FileError;

std::string read_text(const std::string& path) {
    std::error_code error;
    const std::filesystem::file_status status = std::filesystem::status(path, error);
    if (!std::filesystem::exists(status)) throw FileError(path, "", "no such file");
    if (std::filesystem::is_directory(status)) throw FileError(path, "", "is a folder");
    std::ifstream stream(path, std::ios::binary);
    if (!stream) throw FileError(path, "", std::string("cannot be read: ") + std::strerror(errno));

    std::string text;
    if (std::filesystem::is_regular_file(status)) text.reserve(std::filesystem::file_size(path, error) + 1);
    char part[1 << 14];
    while (stream.read(part, sizeof part) || stream.gcount() > 0) text.append(part, static_cast<std::size_t>(stream.gcount()));
    if (stream.bad()) throw FileError(path, "byte " + std::to_string(text.size()), "cannot be read");
    if (text.empty()) throw FileError(path, "byte 0", "the file is empty");
    if (const std::optional<std::size_t> place = llama::first_invalid_utf8(text)) {
        char value[8];
        std::snprintf(value, sizeof value, "0x%02X", static_cast<unsigned>(static_cast<unsigned char>(text[*place])));
        throw FileError(path, "byte " + std::to_string(*place), std::string("is not UTF-8 (") + value + ")");
    }
    return text;
}

}  // namespace finetune
