#pragma once

namespace program {

/// Makes OpenMP's threads sleep while they wait, unless the environment says how they should: by starting the program anew with
/// OMP_WAIT_POLICY=passive, since OpenMP only looks when a program starts. To be called first in main(); where it cannot be done nothing
/// happens.
///
/// By default they spin for a while, which takes the core from the thread they wait for when other programs are running: beside
/// one busy program on two cores, small steps take several times as long.
void wait_passively(char** argv);

}  // namespace program
