#include "distinct_files.hpp"

#include <optional>
#include <utility>

#include <unistd.h>

#include <files/target.hpp>

#include "usage_error.hpp"

namespace program {
namespace {

using files::Identity;

struct Known {
    std::string what;
    Identity identity;
};

void require_new(const std::vector<Known>& known, const NamedFile& file, const Identity& identity) {
    for (const Known& other : known) {
        if (same_file(other.identity, identity)) throw UsageError(file.option, "\"" + file.path + "\" is also " + other.what);
    }
}

}  // namespace

void require_distinct_files(const std::vector<NamedFile>& inputs, const std::vector<NamedFile>& outputs) {
    std::vector<Known> known, streams;
    for (const auto& [descriptor, name] : {std::pair{STDOUT_FILENO, "standard output"}, {STDERR_FILENO, "standard error"}}) {
        if (const std::optional<Identity> identity = Identity::of_descriptor(descriptor)) streams.push_back({std::string("where ") + name + " goes", *identity});
    }
    for (const NamedFile& file : inputs) {
        const std::optional<Identity> identity = file.path.empty() ? std::nullopt : Identity::of(file.path);
        if (!identity) continue;
        require_new(streams, file, *identity);
        known.push_back({"the file of " + file.option, *identity});
    }
    known.insert(known.end(), streams.begin(), streams.end());
    for (const NamedFile& file : outputs) {
        const std::optional<Identity> identity = file.path.empty() ? std::nullopt : Identity::of(file.path);
        if (!identity) continue;
        require_new(known, file, *identity);
        known.push_back({"the file of " + file.option, *identity});
    }
}

}  // namespace program
