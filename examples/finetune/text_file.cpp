#include "text_file.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string_view>

#include <files/file_error.hpp>
#include <report/format.hpp>
#include <report/printable.hpp>

namespace finetune {
namespace {

using files::FileError;
using report::grouped;

constexpr std::string_view mark = "\xEF\xBB\xBF";

std::string place_of(std::size_t byte) { return "byte " + std::to_string(byte); }

std::string line_of(std::string_view text, std::size_t byte) {
    return "in line " + std::to_string(1 + std::ranges::count(text.substr(0, byte), '\n'));
}

std::string read_bytes(const std::string& path) {
    std::error_code error;
    const std::filesystem::file_status status = std::filesystem::status(path, error);
    if (!std::filesystem::exists(status)) throw FileError(path, "", "no such file");
    if (std::filesystem::is_directory(status)) throw FileError(path, "", "is a folder");
    std::ifstream stream(path, std::ios::binary);
    if (!stream) throw FileError(path, "", std::string("cannot be read: ") + std::strerror(errno));

    std::string text;
    if (std::filesystem::is_regular_file(status)) text.reserve(std::filesystem::file_size(path, error) + 1);
    char part[1 << 14];
    while (stream.read(part, sizeof part) || stream.gcount() > 0) {
        const std::string_view got(part, static_cast<std::size_t>(stream.gcount()));
        for (const std::string_view wide : {"\xFF\xFE", "\xFE\xFF"}) {
            if (text.empty() && got.starts_with(wide)) throw FileError(path, "line 1", "the file is UTF-16, as its first bytes say; save it as UTF-8");
        }
        text.append(got);
        // At once: a device may go on for ever.
        if (const std::size_t zero = got.find('\0'); zero != std::string_view::npos) {
            const std::size_t place = text.size() - got.size() + zero;
            throw FileError(path, place_of(place), "is a zero, " + line_of(text, place) + ": the file is not UTF-8 text, but UTF-16 or no text");
        }
    }
    if (stream.bad()) throw FileError(path, place_of(text.size()), "cannot be read");
    return text;
}

void require_utf8(const std::string& path, std::string_view text) {
    const std::optional<std::size_t> place = report::first_invalid_utf8(text);
    if (!place) return;
    char value[8];
    std::snprintf(value, sizeof value, "0x%02X", static_cast<unsigned>(static_cast<unsigned char>(text[*place])));
    throw FileError(path, place_of(*place), std::string("is not UTF-8 (") + value + "), " + line_of(text, *place));
}

/// In its own memory: what is left out makes it shorter.
void normalise(TextFile& file) {
    std::string& text = file.text;
    std::size_t to = 0;
    bool begins_line = true;
    for (std::size_t from = 0; from < text.size();) {
        if (begins_line && std::string_view(text).substr(from, mark.size()) == mark) {
            from += mark.size();
            ++file.marks;
            continue;
        }
        char character = text[from++];
        if (character == '\r') {
            if (from < text.size() && text[from] == '\n') ++from;
            character = '\n';
            ++file.other_ends;
        }
        begins_line = character == '\n';
        file.lines += begins_line ? 1 : 0;
        text[to++] = character;
    }
    text.resize(to);
    if (!begins_line) ++file.lines;
}

}  // namespace

std::string TextFile::description() const {
    std::string result = grouped(bytes) + (bytes == 1 ? " byte, " : " bytes, ") + grouped(lines) + (lines == 1 ? " line" : " lines");
    std::string notes;
    if (marks > 0) notes += marks == 1 ? "a byte-order mark left out" : grouped(marks) + " byte-order marks left out";
    if (other_ends > 0) notes += (notes.empty() ? "" : "; ") + grouped(other_ends) + " of them ended in CR LF or CR, which is read as a line feed";
    return result + (notes.empty() ? "" : " (" + notes + ")");
}

TextFile read_text(const std::string& path) {
    TextFile file{.path = path, .text = read_bytes(path)};
    file.bytes = file.text.size();
    require_utf8(path, file.text);
    normalise(file);
    if (file.text.empty()) throw FileError(path, "byte 0", "the file is empty");
    return file;
}

}  // namespace finetune
