// The process that faces the network (`pprofd: serve`): the store and HTTP, without privileges. It
// may die at any time; the daemon goes on and starts it again.
//
// The program starts itself again with kServeArgument as its first argument, the link to the daemon
// as descriptor 3 and the listening sockets behind it, in the order of the configuration, which is
// the first message. Its main function then calls serve_main() before anything else.
#pragma once

#include <string>

namespace pprofd::serve {

inline constexpr const char* kServeName = "pprofd: serve"; // argv[0], for ps
inline constexpr const char* kServeArgument = "__serve";   // argv[1]
inline constexpr int kServeLink = 3;

// Takes the configuration, makes the store's folder, drops what privileges the process has, and
// serves until the daemon says stop or closes its end. `version`: of the program. Returns the exit
// status. Never throws. Must run on the process's only thread.
int serve_main(const std::string& version);

} // namespace pprofd::serve
