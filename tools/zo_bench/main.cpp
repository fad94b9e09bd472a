#include <variant>

#include <program/main.hpp>
#include <program/standard_streams.hpp>

#include "options.hpp"
#include "run.hpp"

int main(int argc, char** argv) {
    return program::run_main("zo_bench", [&] {
        const auto request = zo_bench::read_options(argc, argv);
        if (const auto* message = std::get_if<zo_bench::Message>(&request)) {
            program::print(message->text);
            return 0;
        }
        return zo_bench::run(std::get<zo_bench::Options>(request));
    });
}
