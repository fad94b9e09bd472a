// read_terms FILE: 0 if cuda_finetune reads its terms; else 2, and why.

#include <cuda_finetune/term_file.hpp>
#include <program/main.hpp>

#include <cstddef>

int main(int argc, char** argv) {
    return program::run_main("read_terms", [&] {
        for (int i = 1; i < argc; ++i) static_cast<void>(cuda_finetune::read_run(argv[i]));
        return 0;
    });
}
