#include <zo_bench/journal.hpp>

#include <files/file_error.hpp>

#include "memory_file.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const MemoryFile file(data, size);
    try {
        const zo_bench::Journal journal(file.path());
    } catch (const files::FileError&) {
    }
    return 0;
}
