#include <finetune/adapter_file.hpp>

#include <files/file_error.hpp>

#include "memory_file.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const MemoryFile file(data, size);
    const llama::Config config{.dim = 4, .hidden = 4, .layers = 2, .heads = 2, .kv_heads = 1, .vocab = 8, .sequence = 8};
    llama::Model<float> model(config);
    try {
        finetune::read_adapters(file.path(), model);
    } catch (const files::FileError&) {
    }
    return 0;
}
