// What the process that ships gives up: privileges, files but the spool, the folders of file
// targets and what looking up names and checking certificates takes, and system calls that it does
// not need: it connects to others, but listens to nobody, starts no program and sends no signal.
//
// Sources: seccomp(2), landlock(7), setrlimit(2).
#pragma once

#include <string>
#include <vector>

#include "symbolizer/worker/sandbox.h"

namespace pprofd::ship {

// There is no way back. `folders`: that may be written. Must run on the process's only thread. Each
// measure is tried on its own, as the worker's are.
std::vector<symbolizer::SandboxMeasure> enter_ship_sandbox(const std::vector<std::string>& folders);

} // namespace pprofd::ship
