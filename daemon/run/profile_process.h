// The process that takes one profile (profile_taker.h): the program starts itself again with
// kProfileArgument, a link (daemon/serve/link) as descriptor 3. The one message on it is a
// serve::ProfileRequest, the one it answers a serve::Answer; it ends without where the link does.
#pragma once

namespace pprofd {

inline constexpr const char* kProfileName = "pprofd: profile"; // argv[0], for ps
inline constexpr const char* kProfileArgument = "__profile";   // argv[1]

// Returns the exit status.
int profile_main();

} // namespace pprofd
