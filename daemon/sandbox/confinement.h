// What a process of ours gives up that speaks to strangers over the network: privileges, files but
// those in some folders, system calls but those of a list. Each such process says what it needs;
// how that is enforced, and what all of them need, stands here. (The worker, which needs far less,
// has a sandbox of its own: symbolizer/worker/sandbox.h.)
//
// Sources: seccomp(2), landlock(7), setrlimit(2).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "symbolizer/worker/sandbox.h"

namespace pprofd {

enum class FolderAccess : uint8_t {
  kRead,
  kFiles,   // files are read, written, made, renamed and removed; folders are made
  kFolders, // folders are removed too
};

struct AllowedFolder {
  std::string path;
  FolderAccess access = FolderAccess::kRead;
  bool may_lack = false; // what is not there is not opened; else that is a failure of the measure
};

struct Confinement {
  uint64_t memory = 0;      // bytes, RLIMIT_DATA
  uint64_t descriptors = 0; // RLIMIT_NOFILE
  std::vector<AllowedFolder> folders;
  std::string folders_text; // these in words
  // Beyond what every such process needs: files are read, bytes go over what is connected, memory
  // cannot be executed, there are threads and time.
  std::vector<std::span<const int>> calls;
  bool connects = false; // sockets of IPv4 and IPv6 may be made
};

// What a folder takes whose files come and go.
std::span<const int> folder_calls();
// What looking up names and connecting takes.
std::span<const int> connecting_calls();
// Where the C library's resolver and OpenSSL read their settings: nothing but what everybody may
// read.
std::vector<AllowedFolder> network_settings();

// There is no way back. Must run on the process's only thread. Each measure is tried on its own, as
// the worker's are: privileges, memory, core, open files, files, seccomp.
std::vector<symbolizer::SandboxMeasure> confine(const Confinement& confinement);

} // namespace pprofd
