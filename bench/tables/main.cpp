/// tables FOLDER RESULTS.json...: writes the pages of docs/benchmarks into the folder, from what the benchmarks wrote. cuda.md alone with
/// --cuda, from any results or none, else where a device was measured: so that figures of one are not replaced by none.

#include "pages.hpp"

#include <cstdlib>
#include <exception>
#include <iostream>
#include <string_view>

int main(int count, char** arguments) {
    const bool cuda_alone = count > 1 && std::string_view{arguments[1]} == "--cuda";
    const int first = cuda_alone ? 2 : 1;
    if (count < 3) {
        std::cerr << "usage: bench_tables FOLDER RESULTS.json...\n       bench_tables --cuda FOLDER [RESULTS.json...]\n";
        return 2;
    }
    try {
        Results results;
        for (int i = first + 1; i < count; ++i) {
            results.read(arguments[i]);
        }
        const std::filesystem::path folder{arguments[first]};
        std::filesystem::create_directories(folder);
        if (cuda_alone || has_cuda(results)) {
            write_cuda(results, folder);
            std::cout << "tables: cuda.md is in " << folder.string() << '\n';
        }
        if (!cuda_alone) {
            write_kernels(results, folder);
            write_steps(results, folder);
            std::cout << "tables: kernels.md, kernels.svg, steps.md and scaling.svg are in " << folder.string() << '\n';
        }
    } catch (const std::exception& error) {
        std::cerr << "tables: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
