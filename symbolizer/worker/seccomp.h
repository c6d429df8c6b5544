// The worker's system calls: memory, the file and the socket it was given, time, and its own end.
#pragma once

#include <string>

namespace pprofd::symbolizer {

// Kills the process at every other system call from now on. Returns why it could not be done;
// empty: it is in force. Needs no_new_privs.
std::string load_seccomp_filter();

} // namespace pprofd::symbolizer
