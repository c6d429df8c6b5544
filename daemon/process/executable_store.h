// Every distinct executable file that processes map, with a descriptor to read it by.
//
// One Executable is one file. Two mappings are the same file when
//   - the kernel gave both the same build id and the file known under it belongs to root, cannot
//     be written by others and is not on a FUSE file system; or
//   - both could be opened and have the same device, inode, size and time of modification; or
//   - the file could not be opened (the process is gone) but one of the same build id, or the same
//     device, inode and generation, is known under the same path.
// The first rule makes the common case (libc, a shell) free of system calls. It is limited to files
// of root because a build id proves nothing about who wrote it: another user's file that claims the
// build id of libc must not give its names to everybody's libc. Such files are opened and compared
// each time they are mapped anew.
//
// Files are opened through the process that maps them: /proc/PID/map_files (exact, even when
// deleted, replaced or on an overlay), else by name beneath /proc/PID/root, else /proc/PID/exe,
// else by name through another live process of the same mount namespace. What was opened by name is
// accepted only if device and inode agree, or if the kernel gave a build id to hold it against.
//
// Whoever reads the file (the worker) must compare: build_id, when kernel_build_id is set, is what
// the kernel read from the mapped file itself. A reader that finds another build id in the
// descriptor's file has got the wrong file and must drop its answer and call reject(). That one
// comparison is right in every case (a name that was replaced meanwhile, an exec between event and
// open, a file changed in place), and costs nothing, as the worker returns the build id with every
// answer. A worker that finds no build id where one is expected must reject too.
//
// Descriptors: at most `max_open` are held, the least recently used is closed and opened again when
// asked for, as long as a process that maps the file lives (or its path still leads to it). A held
// descriptor keeps a deleted file's blocks and its mount busy, so close() files that are done with.
//
// Opening may block (FUSE, NFS): it runs on a helper thread with a deadline (BlockingCalls); an
// answer that comes late is still taken at the next tick().
//
// One owner, one thread (that of the process table). Executables are shared with the mappings that
// use them; readers on other threads may use the const fields id, path and nothing else.
#pragma once

#include <sys/types.h>

#include <compare>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "daemon/process/files/blocking_calls.h"
#include "daemon/process/files/file_opener.h"
#include "daemon/process/process_event.h"
#include "symbolizer/base/address.h"
#include "symbolizer/base/fd.h"
#include "symbolizer/base/result.h"

namespace pprofd {

// Never used twice in the life of the store; 0 is none.
struct ExecutableId {
  uint32_t value = 0;
  auto operator<=>(const ExecutableId&) const = default;
};

enum class ExecutableState : uint8_t {
  open,        // a descriptor is held
  closed,      // was open; descriptor() tries to open it again
  pending,     // the helper thread is still busy opening it
  unavailable, // could not be opened: see why_unavailable
  rejected,    // the file behind the descriptor was not the mapped one
};

struct Executable {
  ExecutableId id;
  std::shared_ptr<const std::string> path; // as the first process saw it, without " (deleted)"
  bool deleted = false;                    // the path led nowhere (any more) when it was mapped
  std::string build_id;                    // lower-case hex, empty: none or not known (yet)
  bool kernel_build_id = false;            // build_id is the kernel's word: hold the file to it
  FileIdentity file;                       // of the file opened; all zero before
  bool owned_by_root = false;              // nobody but root can have written the file
  ExecutableState state = ExecutableState::unavailable;
  std::string why_unavailable; // one clause: "the process had gone"; empty when open

  // The last component of the path; for a memfd its name.
  [[nodiscard]] std::string_view basename() const;

  // Where to look when it must be opened again: the processes that mapped it last.
  struct Hint {
    pid_t pid = 0;
    ProcessAddress start;
    ProcessAddress end;
  };
  std::vector<Hint> hints;
  uint32_t generation = 0; // of the inode, where the kernel told; else 0
  uint64_t mount_namespace = 0;
};

// A file as a mapping names it.
struct MappedFile {
  std::string_view name; // the kernel's, " (deleted)" included
  BuildId build_id;
  uint64_t device = 0; // as makedev(3) makes it; 0 with inode 0: not told
  uint64_t inode = 0;
  uint64_t generation = 0; // 0: not told
};

// The process that maps it.
struct Mapper {
  pid_t pid =
      0; // what to look for in /proc: the process, or a live thread where the leader is dead
  ProcessAddress start;
  ProcessAddress end;
  uint64_t mount_namespace = 0; // inode of its mount namespace; 0: not known
  uid_t uid = 0;
  // Other live processes of that mount namespace, asked for only when `pid` is gone.
  std::function<std::vector<pid_t>()> others;
};

struct ExecutableStoreOptions {
  size_t max_open = 1024;
  std::chrono::milliseconds deadline{100}; // of one opening
};

class ExecutableStore {
public:
  // Opens a file on the helper thread; replaced by tests.
  using Open = std::function<Result<OpenedFile>(const OpenRequest&)>;

  explicit ExecutableStore(ExecutableStoreOptions options = {}, std::string proc_root = "/proc");
  ExecutableStore(ExecutableStoreOptions options, Open open);

  // The executable of a mapping, opened if need be. Never null.
  std::shared_ptr<const Executable> resolve(const MappedFile& mapped, const Mapper& mapper);

  // A descriptor of its own for the caller, open for reading, to send to the worker. Opens the file
  // again where it was closed. Fails with why_unavailable.
  Result<Fd> descriptor(ExecutableId id);

  [[nodiscard]] const Executable* find(ExecutableId id) const;

  // The file is done with; descriptor() would have to open it again.
  void close(ExecutableId id);

  // The descriptor led to another file than the mapped one. It gives none any more, and the next
  // mapping of the file is opened afresh.
  void reject(ExecutableId id, std::string why);

  // What the worker found, for files the kernel gave no build id for. (A file found by the kernel's
  // word is never renamed.)
  void set_build_id(ExecutableId id, std::string hex);

  // Takes openings that were late. Returns the executables that became open so.
  std::vector<ExecutableId> tick();

  // Forgets executables that no mapping uses any more, the longest unused first, until at most
  // `keep` such remain. Returns the forgotten.
  std::vector<ExecutableId> forget_unused(size_t keep);

  struct Stats {
    uint64_t opened = 0;      // files opened, again included
    uint64_t shared = 0;      // mappings resolved without opening anything
    uint64_t unavailable = 0; // openings that failed
    uint64_t late = 0;        // openings that missed the deadline
    uint64_t refused = 0;     // not tried because too many of the same kind hang
  };
  [[nodiscard]] const Stats& stats() const { return stats_; }
  [[nodiscard]] size_t size() const { return entries_.size(); }
  [[nodiscard]] size_t open_count() const { return open_count_; }

private:
  struct Entry;
  using EntryPtr = std::shared_ptr<Entry>;

  ExecutableStoreOptions options_;
  Open open_;
  Stats stats_;
  size_t open_count_ = 0;
  std::unordered_map<uint32_t, EntryPtr> entries_;
};

// Raises the soft limit on open files to the hard one; what the store may hold should stay well
// below. Returns the limit now in force.
uint64_t raise_open_files_limit();

} // namespace pprofd
