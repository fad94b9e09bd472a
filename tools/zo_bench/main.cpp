#include <cstdio>
#include <variant>

#include <program/main.hpp>

#include "options.hpp"
#include "run.hpp"

int main(int argc, char** argv) {
    return program::run_main("zo_bench", [&] {
        const auto request = zo_bench::read_options(argc, argv);
        if (const auto* message = std::get_if<zo_bench::Message>(&request)) {
            std::fputs(message->text.c_str(), stdout);
            return 0;
        }
        return zo_bench::run(std::get<zo_bench::Options>(request));
    });
}
