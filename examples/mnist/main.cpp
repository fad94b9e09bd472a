#include <variant>

#include <program/main.hpp>
#include <program/standard_streams.hpp>
#include <program/waiting.hpp>

#include "options.hpp"
#include "run.hpp"

int main(int argc, char** argv) {
    program::wait_passively(argv);
    return program::run_main("mnist", [&] {
        const auto request = mnist::read_options(argc, argv);
        if (const auto* message = std::get_if<mnist::Message>(&request)) {
            program::print(message->text);
            return 0;
        }
        return mnist::run(std::get<mnist::Options>(request));
    });
}
