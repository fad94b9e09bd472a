#include <zeroth/any/sources/runs.hpp>
#include <zeroth/any/sources/traverse.hpp>
#include <zeroth/cursor/snapshot.hpp>

ZEROTH_BEGIN_NAMESPACE

std::unique_ptr<AnyRun> run_from_snapshot(const RunParts& parts) { return run_of<Snapshot>(parts); }

ZEROTH_END_NAMESPACE
