#include <cstdio>
#include <exception>
#include <new>
#include <string>
#include <variant>

#include "options.hpp"
#include "run.hpp"

namespace {

/// One line whatever the message: it may quote a file's name or an argument.
int fail(std::string message) {
    for (char& character : message) {
        if (static_cast<unsigned char>(character) < 0x20 || character == 0x7F) character = ' ';
    }
    std::fprintf(stderr, "zo_bench: %s\n", message.c_str());
    return 2;
}

}  // namespace

int main(int argc, char** argv) {
    try {
        const std::variant<zo_bench::Options, zo_bench::Message> request = zo_bench::read_options(argc, argv);
        if (const auto* message = std::get_if<zo_bench::Message>(&request)) {
            std::fputs(message->text.c_str(), stdout);
            return 0;
        }
        return zo_bench::run(std::get<zo_bench::Options>(request));
    } catch (const std::bad_alloc&) {
        return fail("there is not enough memory");
    } catch (const std::exception& error) {
        return fail(error.what());
    }
}
