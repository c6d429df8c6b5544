// All that the process table wants from /proc about one process, read in one go.
//
// Stateless; any thread. May block (maps): call it through BlockingCalls.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "daemon/process/proc_fs.h"

namespace pprofd {

struct ProcSnapshot {
  ProcStat stat;
  pid_t accessible = 0; // see ProcFs::accessible_thread; 0: a kernel thread, or nothing lives
  bool dead = false;    // a zombie without live threads
  uid_t uid = 0;
  std::string exe;    // " (deleted)" included; empty: none or not readable
  std::string cgroup; // the file's text
  uint64_t mount_namespace = 0;
  std::vector<ProcMapping> mappings;
  bool maps_unreadable = false;
};

// Nothing when there is no such process (any more), or when its pid changed hands while reading.
std::optional<ProcSnapshot> read_snapshot(const ProcFs& proc, pid_t pid);

// The part that cannot block: without mappings and program, which count as unreadable.
std::optional<ProcSnapshot> read_snapshot_without_maps(const ProcFs& proc, pid_t pid);

} // namespace pprofd
