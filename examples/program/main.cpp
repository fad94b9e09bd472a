#include "main.hpp"

#include <cstdio>
#include <exception>
#include <new>
#include <string>

#include <report/printable.hpp>

#include "standard_streams.hpp"
#include "usage_error.hpp"

namespace program {
namespace {

constexpr int output_lost = 1, wrong = 2;

/// One line whatever the message: it may quote a file's name or an argument.
int fail(const char* name, const std::string& message, int status) {
    std::fprintf(stderr, "%s: %s\n", name, report::printable(message).c_str());
    return status;
}

int status_of(const char* name, const std::function<int()>& run) {
    try {
        return run();
    } catch (const OutputError& error) {
        return fail(name, error.what(), output_lost);
    } catch (const std::bad_alloc&) {
        return fail(name, "there is not enough memory", wrong);
    } catch (const std::exception& error) {
        return fail(name, error.what(), wrong);
    }
}

}  // namespace

int run_main(const char* name, const std::function<int()>& run) {
    prepare_standard_streams();
    const int status = status_of(name, run);
    try {
        finish_standard_output();
    } catch (const std::exception& error) {
        return fail(name, error.what(), status == 0 ? output_lost : status);
    }
    return status;
}

}  // namespace program
