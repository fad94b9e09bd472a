#include <finetune/table.hpp>

#include <files/file_error.hpp>

#include <cstdlib>

#include "memory_file.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const MemoryFile file(data, size);
    try {
        const finetune::TextFile text = finetune::read_text(file.path());
        const finetune::LabelledTable table(text, 3);
        std::size_t rows = 0;
        table.each([&](std::string_view sentence, std::size_t label) {
            if (sentence.empty() || label > 2) std::abort();
            ++rows;
            return true;
        });
        if (rows != table.rows() || table.description().empty()) std::abort();
    } catch (const files::FileError&) {
    }
    return 0;
}
