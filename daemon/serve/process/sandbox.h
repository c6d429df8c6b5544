// What the process that faces the network gives up: privileges, every file but the store's, system
// calls that neither store nor HTTP need (no new sockets, no programs, no signals to others).
//
// Sources: seccomp(2), landlock(7), setrlimit(2).
#pragma once

#include <string>
#include <vector>

#include "symbolizer/worker/sandbox.h"

namespace pprofd::serve {

// There is no way back. `store`: the only folder that can be opened from now on. Must run on the
// process's only thread. Each measure is tried on its own, as the worker's are.
std::vector<symbolizer::SandboxMeasure> enter_serve_sandbox(const std::string& store);

} // namespace pprofd::serve
