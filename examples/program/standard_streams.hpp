#pragma once

#include <string_view>

namespace program {

/// Makes a program's words reach where they should. Descriptors 0 to 2 that are closed are held, so that no file is opened as one of them: what is read
/// from or written to them fails. A pipe without a reader and a file that has grown to its limit are errors of write(), not the end of the
/// program. To be called first.
void prepare_standard_streams();

/// Writes to standard output, in UTF-8 and without control characters but line feeds and tabs.
void print(std::string_view text);

/// Throws std::runtime_error if something of what was printed did not arrive.
void finish_standard_output();

}  // namespace program
