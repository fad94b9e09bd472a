#pragma once

#include <zeroth/ground/state_stream.hpp>

ZEROTH_BEGIN_NAMESPACE

/// Lets an optimizer go on where another was saved (`optimizer.save(sink)`), with the bits that it would have had:
///
///     zeroth::Optimizer optimizer{parameters, estimator, rule, settings, backend, zeroth::Resume{source}};
///
/// The weights are to be loaded first, as they stood in memory when the state was saved; settings are given again. Backend and number of
/// threads may be others. The state is read once, from its beginning.
struct Resume {
    StateSource source;
    /// Whether the parameters may be others than the saved ones: blocks that are gone (frozen) are passed over, new ones begin as in a new run.
    bool other_blocks = false;
};

ZEROTH_END_NAMESPACE
