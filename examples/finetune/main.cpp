#include <variant>

#include <program/main.hpp>
#include <program/standard_streams.hpp>
#include <program/waiting.hpp>

#include "demo.hpp"
#include "options.hpp"
#include "run.hpp"
#include "train.hpp"

int main(int argc, char** argv) {
    program::wait_passively(argv);
    static_cast<void>(finetune::empty_program_bytes());
    return program::run_main("finetune", [&] {
        const auto request = finetune::read_options(argc, argv);
        if (const auto* message = std::get_if<finetune::Message>(&request)) {
            program::print(message->text);
            return 0;
        }
        const auto& options = std::get<finetune::Options>(request);
        return options.built_in() ? finetune::demo(options) : finetune::run(options);
    });
}
