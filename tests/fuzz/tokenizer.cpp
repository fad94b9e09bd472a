#include <llama/tokenizer.hpp>

#include <string_view>

#include "memory_file.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const MemoryFile file(data, size);
    // The first two bytes are the size of the vocabulary, the rest is the file; its end is a text, too.
    if (size < 2) return 0;
    const MemoryFile rest(data + 2, size - 2);
    try {
        const llama::Tokenizer tokenizer = llama::Tokenizer::read(rest.path(), 1 + data[0] + 256 * (data[1] % 4));
        const std::string_view text(reinterpret_cast<const char*>(data + size - size / 4), size / 4);
        static_cast<void>(tokenizer.decode(tokenizer.encode(text)));
    } catch (const llama::FileError&) {
    }
    return 0;
}
