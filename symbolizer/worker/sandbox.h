// Takes away from this process what parsing files does not need. Each measure is tried on its own;
// what cannot be had (no privilege, no kernel support) is said and the rest goes on: an
// unprivileged worker keeps its uid, and a container may forbid some measures.
//
// Sources: capabilities(7), seccomp(2), prctl(2), setrlimit(2), credentials(7).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace pprofd::symbolizer {

struct SandboxMeasure {
  std::string name;
  bool applied = false;
  std::string detail; // the value, or why not
};

struct SandboxOptions {
  uint64_t memory_limit = 0; // bytes, RLIMIT_DATA
  int socket = -1;           // the only descriptor that is kept beside 0, 1 and 2
  bool background = false;   // behind everybody else, whatever the parent's priority
};

// Enters the sandbox; there is no way back. Must run on the process's only thread, before anything
// foreign is read. Measures, in this order: descriptors, priority, limits, user, capabilities,
// no_new_privs, dumpable, seccomp.
std::vector<SandboxMeasure> enter_sandbox(const SandboxOptions& options);

} // namespace pprofd::symbolizer
