#include <zeroth/any/sources/runs.hpp>
#include <zeroth/any/sources/traverse.hpp>
#include <zeroth/cursor/exact.hpp>

ZEROTH_BEGIN_NAMESPACE

std::unique_ptr<AnyRun> run_exactly(const RunParts& parts) { return run_of<Exact>(parts); }

ZEROTH_END_NAMESPACE
