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

  explicit ExecutableStore(ExecutableStoreOptions options = {},
                           const std::string& proc_root = "/proc");
  ExecutableStore(ExecutableStoreOptions options, Open open);
  ~ExecutableStore();
  ExecutableStore(const ExecutableStore&) = delete;
  ExecutableStore& operator=(const ExecutableStore&) = delete;

  // The executable of a mapping, opened if need be. Never null.
  std::shared_ptr<const Executable> resolve(const MappedFile& mapped, const Mapper& mapper);

  // A descriptor of its own for the caller, open for reading, to send to the worker. Opens the file
  // again where it was closed. Fails with why_unavailable.
  Result<Fd> descriptor(ExecutableId id);

  // nullptr: never was or forgotten.
  [[nodiscard]] const Executable* find(ExecutableId id) const;

  // The file is done with; descriptor() would have to open it again.
  void close(ExecutableId id);

  // The descriptor led to another file than the mapped one. It gives none any more, and the next
  // mapping of the file is opened afresh.
  void reject(ExecutableId id, std::string why);

  // What the worker found, for files that the kernel gave no build id for; where it gave one, that
  // stands.
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
  [[nodiscard]] size_t open_count() const { return open_entries_.size(); }
  // Bytes of heap, estimated.
  [[nodiscard]] size_t memory() const;

private:
  struct Entry;
  struct Attempt;
  struct InodeKey {
    uint64_t device = 0;
    uint64_t inode = 0;
    bool operator==(const InodeKey&) const = default;
  };
  struct InodeHash {
    size_t operator()(const InodeKey& key) const;
  };
  using InodeIndex = std::unordered_multimap<InodeKey, uint32_t, InodeHash>;

  // The mapping, as the private functions hand it on.
  struct Wanted {
    const MappedFile& mapped;
    const Mapper& mapper;
    std::string_view path; // without " (deleted)"
    std::string build_id;  // hex
    [[nodiscard]] InodeKey inode() const { return {mapped.device, mapped.inode}; }
  };

  Entry* shared_without_opening(const Wanted& wanted);
  Entry& open_mapped(const Wanted& wanted);
  Entry* same_name(const Wanted& wanted);
  Entry* same_file(const Wanted& wanted, const OpenedFile& file);
  Entry& adopt(const Wanted& wanted, OpenedFile file);
  Entry& create(const Wanted& wanted);
  Attempt attempt(OpenRequest request, uid_t owner);
  bool reopen(Entry& entry);
  void take_file(Entry& entry, OpenedFile file);
  void set_kernel_build_id(Entry& entry, const std::string& hex);
  void set_mapped_inode(Entry& entry, const Wanted& wanted);
  void drop_descriptor(Entry& entry, ExecutableState state);
  void touch(Entry& entry);
  void forget(uint32_t id);
  [[nodiscard]] Entry* entry(uint32_t id) const;

  ExecutableStoreOptions options_;
  Open open_;
  BlockingCalls calls_;
  Stats stats_;
  uint32_t next_id_ = 1;
  uint64_t uses_ = 0;
  std::unordered_map<uint32_t, std::shared_ptr<Entry>> entries_;
  std::unordered_multimap<std::string, uint32_t> by_build_id_; // as the kernel told
  InodeIndex by_mapped_inode_;                                 // as mappings name it
  InodeIndex by_file_;                                         // as stat(2) names it
  std::list<uint32_t> open_entries_;                           // the longest unused first
  std::vector<uint32_t> late_;
};

// Raises the soft limit on open files to the hard one; what the store may hold should stay well
// below. Returns the limit now in force.
uint64_t raise_open_files_limit();

} // namespace pprofd
