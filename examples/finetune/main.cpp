#include <cstdio>
#include <exception>
#include <new>
#include <string>
#include <variant>

#include "demo.hpp"
#include "options.hpp"
#include "run.hpp"
#include "train.hpp"
#include "waiting.hpp"

namespace {

/// One line whatever the message: it may quote a file's name or an argument.
int fail(std::string message) {
    for (char& character : message) {
        if (static_cast<unsigned char>(character) < 0x20 || character == 0x7F) character = ' ';
    }
    std::fprintf(stderr, "finetune: %s\n", message.c_str());
    return 2;
}

}  // namespace

int main(int argc, char** argv) {
    finetune::wait_passively(argv);
    static_cast<void>(finetune::empty_program_bytes());
    try {
        const std::variant<finetune::Options, finetune::Message> request = finetune::read_options(argc, argv);
        if (const auto* message = std::get_if<finetune::Message>(&request)) {
            std::fputs(message->text.c_str(), stdout);
            return 0;
        }
        const auto& options = std::get<finetune::Options>(request);
        return options.built_in() ? finetune::demo(options) : finetune::run(options);
    } catch (const std::bad_alloc&) {
        return fail("there is not enough memory");
    } catch (const std::exception& error) {
        return fail(error.what());
    }
}
