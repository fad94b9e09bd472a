#include <finetune/options.hpp>
#include <mnist/options.hpp>
#include <zo_bench/options.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

/// The bytes are arguments, each ended by a zero or a line feed.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::vector<std::string> words = {"program"};
    std::string word;
    for (std::size_t i = 0; i < size; ++i) {
        if (data[i] != 0 && data[i] != '\n') {
            word += static_cast<char>(data[i]);
            continue;
        }
        words.push_back(word);
        word.clear();
    }
    words.push_back(word);
    std::vector<const char*> pointers;
    for (const std::string& each : words) pointers.push_back(each.c_str());
    const int count = static_cast<int>(pointers.size());
    const auto read = [&](auto read_options) {
        try {
            static_cast<void>(read_options(count, pointers.data()));
        } catch (const program::UsageError&) {
        }
    };
    read(&finetune::read_options);
    read(&mnist::read_options);
    read(&zo_bench::read_options);
    return 0;
}
