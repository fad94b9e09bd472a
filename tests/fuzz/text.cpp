#include <finetune/text_file.hpp>

#include <files/file_error.hpp>
#include <report/printable.hpp>

#include <cstdlib>

#include "memory_file.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const MemoryFile file(data, size);
    try {
        const finetune::TextFile text = finetune::read_text(file.path());
        if (report::first_invalid_utf8(text.text) || text.text.find(char(13)) != std::string::npos) std::abort();
        if (report::printable(report::printable(text.text)) != report::printable(text.text)) std::abort();
    } catch (const files::FileError&) {
    }
    if (report::first_invalid_utf8(report::printable({reinterpret_cast<const char*>(data), size}))) std::abort();
    return 0;
}
