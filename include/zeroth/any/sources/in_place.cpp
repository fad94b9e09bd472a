#include <zeroth/any/sources/runs.hpp>
#include <zeroth/any/sources/traverse.hpp>
#include <zeroth/cursor/in_place.hpp>

ZEROTH_BEGIN_NAMESPACE

std::unique_ptr<AnyRun> run_in_place(const RunParts& parts) { return run_of<InPlace>(parts); }

ZEROTH_END_NAMESPACE
