/// tables FOLDER RESULTS.json...: writes the pages of docs/benchmarks into the folder, from what the benchmarks wrote.

#include "pages.hpp"

#include <cstdlib>
#include <exception>
#include <iostream>

int main(int count, char** arguments) {
    if (count < 3) {
        std::cerr << "usage: bench_tables FOLDER RESULTS.json...\n";
        return 2;
    }
    try {
        Results results;
        for (int i = 2; i < count; ++i) {
            results.read(arguments[i]);
        }
        const std::filesystem::path folder{arguments[1]};
        std::filesystem::create_directories(folder);
        write_kernels(results, folder);
        write_steps(results, folder);
        std::cout << "tables: kernels.md, kernels.svg, steps.md and scaling.svg are in " << folder.string() << '\n';
    } catch (const std::exception& error) {
        std::cerr << "tables: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
