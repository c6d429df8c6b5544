// The process that fetches debug information from debuginfod servers (`pprofd: fetch`), without
// privileges: it gets addresses, build ids and empty files from the daemon, fills these with what a
// server answers, and says what became of each. It opens no files but what looking up names and
// checking certificates takes, and looks at no more of an answer than its first four bytes. It may
// die at any time.
//
// The program starts itself again with kFetchArgument as its first argument and the link to the
// daemon (proto/debuginfod.proto, by packets) as descriptor 3. Its main function then calls
// fetch_main() before anything else.
#pragma once

namespace pprofd {

inline constexpr const char* kFetchName = "pprofd: fetch"; // argv[0], for ps
inline constexpr const char* kFetchArgument = "__fetch";   // argv[1]
inline constexpr int kFetchSocket = 3;

// Drops what privileges the process has, and fetches until the daemon closes its end. Returns the
// exit status. Never throws. Must run on the process's only thread.
int fetch_main();

} // namespace pprofd
