#pragma once

#include <cstddef>
#include <string>

namespace finetune {

/// A UTF-8 text as it was read: once, so that it may come through a pipe. Lines end in line feeds, whatever they ended in; byte-order marks where the file
/// or one of its lines begins are left out.
struct TextFile {
    std::string path;
    std::string text;
    std::size_t bytes = 0;  ///< of the file
    std::size_t lines = 0;
    std::size_t marks = 0;       ///< byte-order marks
    std::size_t other_ends = 0;  ///< of lines that ended in CR LF or CR

    /// "1,100 bytes, 20 lines (ends CR LF or CR read as line feeds)".
    std::string description() const;
};

/// Throws files::FileError naming the file and the byte if it cannot be read, is empty or is not UTF-8: UTF-16, which begins with another mark, and what
/// holds zeros are refused.
TextFile read_text(const std::string& path);

}  // namespace finetune
