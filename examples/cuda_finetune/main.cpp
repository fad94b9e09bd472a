#include <cstdio>
#include <variant>

#include <program/main.hpp>
#include <program/waiting.hpp>

#include "options.hpp"
#include "run.hpp"

int main(int argc, char** argv) {
    program::wait_passively(argv);
    return program::run_main("cuda_finetune", [&] {
        const auto request = cuda_finetune::read_options(argc, argv);
        if (const auto* message = std::get_if<cuda_finetune::Message>(&request)) {
            std::fputs(message->text.c_str(), stdout);
            return 0;
        }
        return cuda_finetune::run(std::get<cuda_finetune::Options>(request));
    });
}
