// What happens to processes, as the kernel tells it: one event per PERF_RECORD_{FORK, EXIT, COMM,
// MMAP, MMAP2, LOST}. Values only, no owner.
//
// Every time is CLOCK_MONOTONIC in nanoseconds. pid is the thread group (the process), tid the
// thread, both in the pid namespace of the reader; a thread whose id equals its pid is the leader.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <variant>

#include "symbolizer/base/address.h"

namespace pprofd {

// The build id of an ELF file as the kernel reads it: at most 20 bytes.
struct BuildId {
  std::array<uint8_t, 20> bytes{};
  uint8_t size = 0;

  [[nodiscard]] bool empty() const { return size == 0; }
  // Lower-case hex, as readelf and pprof print it; empty where there is none.
  [[nodiscard]] std::string hex() const;
  bool operator==(const BuildId&) const = default;
};

// A new process (pid != parent_pid, tid == pid) or a new thread of one (pid == parent_pid).
struct ForkEvent {
  pid_t parent_pid = 0;
  pid_t parent_tid = 0;
};

// A thread has ended. The process has when all its threads have.
struct ExitEvent {};

// A thread has a new name; with `exec` the process runs a new program from now on.
struct CommEvent {
  std::string comm;
  bool exec = false;
};

// Executable memory was mapped (mmap, mprotect, exec). Carries either the build id or the inode:
// the kernel gives one of them.
struct MmapEvent {
  ProcessAddress start;
  uint64_t length = 0;
  FileOffset offset;
  uint32_t prot = 0;
  uint32_t flags = 0;
  BuildId build_id;
  uint32_t device_major = 0;
  uint32_t device_minor = 0;
  uint64_t inode = 0;
  uint64_t generation = 0;
  std::string name; // as the process sees it: a path, "[vdso]", "//anon", …
};

// The kernel found no room for `lost` records of one CPU. pid and tid mean nothing here.
struct LostEvent {
  uint64_t lost = 0;
};

struct ProcessEvent {
  uint64_t time = 0;
  pid_t pid = 0;
  pid_t tid = 0;
  std::variant<ForkEvent, ExitEvent, CommEvent, MmapEvent, LostEvent> what;
};

} // namespace pprofd
