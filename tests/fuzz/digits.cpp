#include <mnist/data.hpp>

#include <files/file_error.hpp>

#include "memory_file.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const MemoryFile file(data, size);
    try {
        static_cast<void>(mnist::read_digits(file.path(), file.path()));
    } catch (const files::FileError&) {
    }
    return 0;
}
