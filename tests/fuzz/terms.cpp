#include <cuda_finetune/term_file.hpp>

#include "memory_file.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const MemoryFile file(data, size);
    try {
        static_cast<void>(cuda_finetune::read_run(file.path()));
    } catch (const files::FileError&) {
    }
    return 0;
}
