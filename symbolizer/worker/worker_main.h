// The worker process: parses files of anybody, hence has no privileges, opens nothing and may die.
//
// The program starts itself again with kWorkerArgument as its first argument and the socket to its
// parent as descriptor 3; its main function then calls worker_main() before anything else.
#pragma once

namespace pprofd::symbolizer {

inline constexpr const char* kWorkerName = "pprofd: worker"; // argv[0], for ps
inline constexpr const char* kWorkerArgument = "__worker";   // argv[1]
inline constexpr int kWorkerSocket = 3;

// Drops what privileges the process has, reports which measures of the sandbox are in force, and
// answers requests until the parent closes its end. Returns the exit status. Never throws.
// Must run on the process's only thread.
int worker_main(int socket_fd);

} // namespace pprofd::symbolizer
