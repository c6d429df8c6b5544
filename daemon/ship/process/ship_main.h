// The process that sends profiles to other systems (`pprofd: ship`), without privileges. It may die
// at any time; the daemon goes on and starts it again, and what it had said to have is in its
// spool.
//
// The program starts itself again with kShipArgument as its first argument and the link to the
// daemon as descriptor 3; the configuration is the first message. Its main function then calls
// ship_main() before anything else.
#pragma once

namespace pprofd::ship {

inline constexpr const char* kShipName = "pprofd: ship"; // argv[0], for ps
inline constexpr const char* kShipArgument = "__ship";   // argv[1]
inline constexpr int kShipLink = 3;

// Takes the configuration, makes the folders that it names, drops what privileges the process has,
// and ships until the daemon says stop, closes its end, or has another configuration: then it ends,
// to be started again with that. Returns the exit status. Never throws. Must run on the process's
// only thread.
int ship_main();

} // namespace pprofd::ship
