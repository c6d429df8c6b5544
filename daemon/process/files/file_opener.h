// Opens a file that a process has mapped, without side effects on anything that is no regular file
// and without leaving the process's own view of the file system.
//
// Each way first gets an O_PATH descriptor, which neither waits for a FIFO nor wakes a device,
// checks that it is a regular file, and only then opens it for reading through /proc/self/fd. Names
// are resolved by openat2(2) beneath /proc/PID/root with RESOLVE_IN_ROOT and
// RESOLVE_NO_MAGICLINKS, so that no symbolic link of a container leads out of it.
//
// Stateless; any thread. May block as long as the file system likes: call it through BlockingCalls.
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "symbolizer/base/address.h"
#include "symbolizer/base/fd.h"
#include "symbolizer/base/result.h"

namespace pprofd {

// What tells one content of one file from another.
struct FileIdentity {
  uint64_t device = 0; // st_dev
  uint64_t inode = 0;
  uint64_t size = 0;    // bytes
  int64_t modified = 0; // ns since 1970
  bool operator==(const FileIdentity&) const = default;
};

FileIdentity identity_of(const struct ::stat& info);

struct OpenRequest {
  pid_t pid = 0;        // 0: the process that maps the file is gone
  ProcessAddress start; // of the mapping, for map_files
  ProcessAddress end;
  std::string name;          // as the kernel gave it, without " (deleted)"
  bool deleted = false;      // the name leads nowhere
  std::vector<pid_t> others; // live processes of the same mount namespace
  uint64_t device = 0;       // as the kernel told; 0 with inode 0: not told
  uint64_t inode = 0;
  uint64_t generation = 0;
  bool verifiable = false; // the reader will hold the file against a build id
  FileIdentity expected;   // the file must be this one; all zero: any
};

enum class OpenedBy : uint8_t { map_files, name, exe, other_process };

struct OpenedFile {
  Fd fd; // open for reading
  FileIdentity identity;
  bool owned_by_root = false; // only root can have written it, and the file system is no user's
  bool deleted = false;       // no name leads to it any more
  OpenedBy by = OpenedBy::map_files;
};

class FileOpener {
public:
  explicit FileOpener(std::string proc_root = "/proc") : proc_root_(std::move(proc_root)) {}

  // Tries the ways in order; the error tells why the most promising one failed.
  [[nodiscard]] Result<OpenedFile> open(const OpenRequest& request) const;

  // Whatever regular file has this absolute name in the root of a process; 0: of the host.
  [[nodiscard]] Result<OpenedFile> open_name(pid_t through, const std::string& name) const;

private:
  [[nodiscard]] Result<OpenedFile> by_map_files(const OpenRequest& request) const;
  [[nodiscard]] Result<OpenedFile> by_name(const OpenRequest& request, pid_t through) const;
  [[nodiscard]] Result<OpenedFile> by_exe(const OpenRequest& request) const;

  std::string proc_root_;
};

} // namespace pprofd
