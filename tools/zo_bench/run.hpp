#pragma once

#include "options.hpp"

namespace zo_bench {

/// The study. Returns the exit status: 0 done, 1 some run failed, 130 interrupted. Throws UsageError, files::FileError.
int run(Options options);

}  // namespace zo_bench
