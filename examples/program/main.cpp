#include "main.hpp"

#include <cstdio>
#include <exception>
#include <new>
#include <string>

namespace program {
namespace {

/// One line whatever the message: it may quote a file's name or an argument.
int fail(const char* name, std::string message) {
    for (char& character : message) {
        if (static_cast<unsigned char>(character) < 0x20 || character == 0x7F) character = ' ';
    }
    std::fprintf(stderr, "%s: %s\n", name, message.c_str());
    return 2;
}

}  // namespace

int run_main(const char* name, const std::function<int()>& run) {
    try {
        return run();
    } catch (const std::bad_alloc&) {
        return fail(name, "there is not enough memory");
    } catch (const std::exception& error) {
        return fail(name, error.what());
    }
}

}  // namespace program
