#include <llama/checkpoint.hpp>
#include <llama/generate.hpp>

#include <vector>

#include "memory_file.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const MemoryFile file(data, size);
    try {
        const llama::Model<float> model = llama::read_checkpoint(file.path());
        // What is read can be used, in memory that goes with it.
        llama::Generator<float> generator(model, 4);
        const std::vector<int> prompt = {0};
        static_cast<void>(llama::generate(generator, prompt, {.tokens = 2}));
    } catch (const llama::FileError&) {
    }
    return 0;
}
