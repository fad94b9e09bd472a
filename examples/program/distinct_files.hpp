#pragma once

#include <string>
#include <vector>

namespace program {

/// A file that a run reads or writes, and the option that names it.
struct NamedFile {
    std::string option;
    std::string path;
};

/// That no output of a run is one of its inputs, another output, or where its standard streams go, by whatever name: files are compared, not names. Throws
/// UsageError for the first that is.
void require_distinct_files(const std::vector<NamedFile>& inputs, const std::vector<NamedFile>& outputs);

}  // namespace program
