// A process and what it has mapped.
//
// A process is identified by (pid, start time); the same pid with another start time is another
// process. Only executable mappings are kept. They carry the time from which (and, when something
// else took their place, until which) they held, so that a sample can be looked up after the table
// has gone on: events need not be held back for samples.
//
// Owned and changed by the ProcessTable on its thread; everybody else reads, on that thread.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "daemon/process/cgroup.h"
#include "daemon/process/executable_store.h"
#include "symbolizer/base/address.h"

namespace pprofd {

enum class MappingKind : uint8_t {
  file,      // a file (a memfd too); `executable` is set
  vdso,      // [vdso]
  vsyscall,  // [vsyscall], at the same place in every process
  anonymous, // memory without a file: JIT code, [heap], [stack], shared anonymous memory
  other,     // special mappings of the kernel, devices
};

struct Mapping {
  ProcessAddress start;
  ProcessAddress end; // the first address behind it
  FileOffset offset;  // of `start` in the file
  // Unique in the process for its whole life; a mapping that takes another's place gets a new id,
  // and a child keeps its parent's. Trace keys may hold it.
  uint32_t id = 0;
  MappingKind kind = MappingKind::other;
  std::shared_ptr<const Executable> executable; // kind file only
  std::shared_ptr<const std::string> name;      // path as the process sees it, "[vdso]", "//anon"
  uint64_t mapped_at = 0;                       // ns, CLOCK_MONOTONIC; 0: before it was known
  uint64_t whole_since = 0; // when it last grew: what it grew over was something else before

  [[nodiscard]] bool contains(ProcessAddress address) const {
    return address >= start && address < end;
  }
  [[nodiscard]] FileOffset file_offset(ProcessAddress address) const {
    return {address.value - start.value + offset.value};
  }
};

// The id of the vsyscall page, which every address space answers without listing it.
inline constexpr uint32_t kVsyscallMappingId = std::numeric_limits<uint32_t>::max();
inline constexpr uint64_t kStillMapped = std::numeric_limits<uint64_t>::max();

// The executable mappings of one address space, now and before. Copies share their content until
// one of them changes.
class AddressSpace {
public:
  AddressSpace();

  // The mapping at an address now; nullptr: none. Valid until the address space changes.
  [[nodiscard]] const Mapping* find(ProcessAddress address) const;
  // The mapping that held the address at a time (ns, CLOCK_MONOTONIC). Where none did by then, the
  // first that came after: a sample may be a moment ahead of the event.
  [[nodiscard]] const Mapping* find(ProcessAddress address, uint64_t time) const;
  // The mapping of an id, live or replaced; nullptr: never was or forgotten.
  [[nodiscard]] const Mapping* by_id(uint32_t id) const;

  // Maps `mapping` (its id is given here) at mapping.mapped_at. What it covers is replaced, what
  // it covers partly is split. A mapping that continues what is there (same file at the same
  // displacement, or anonymous next to anonymous) extends that one and keeps its id.
  void map(Mapping mapping);
  // exec: everything is gone.
  void clear(uint64_t time);
  // Makes the live mappings those of `snapshot` (sorted by start), taken at `time`; the unchanged
  // keep their ids.
  void assign(std::vector<Mapping> snapshot, uint64_t time);

  // At most this many replaced mappings are remembered; the oldest half goes when there are more.
  static constexpr size_t kMaxReplaced = 8192;

  // Forgets mappings that were replaced before `time`: no sample from before is still to come.
  void forget_replaced(uint64_t time);

  // Live mappings, by address.
  [[nodiscard]] const std::vector<Mapping>& live() const { return state_->live; }
  [[nodiscard]] size_t replaced_count() const { return state_->replaced.size(); }
  // Bytes of heap; content shared with other processes is counted in each.
  [[nodiscard]] size_t memory() const;

private:
  struct Replaced {
    Mapping mapping;
    uint64_t until = kStillMapped;
  };
  struct State {
    std::vector<Mapping> live;      // by start, never overlapping
    std::vector<Replaced> replaced; // by the time they went
    uint32_t next_id = 1;
    // Positions by id (replaced ones behind the live ones); empty: to be built.
    std::vector<std::pair<uint32_t, size_t>> index;
  };

  State& own(); // the state, no longer shared
  static bool continues(const Mapping& mapping, const Mapping& neighbour);
  void carve(State& state, ProcessAddress start, ProcessAddress end, uint64_t time);
  static void replace(State& state, Mapping mapping, uint64_t time);

  std::shared_ptr<State> state_;
};

// How well the start time of a process is known.
enum class StartPrecision : uint8_t {
  exact, // told by a sample
  tick,  // from /proc: the beginning of its clock tick
  fork,  // the time of the fork event, a little late
};

struct Process {
  // Never used twice in the life of the table.
  uint64_t serial = 0;
  pid_t pid = 0;
  pid_t parent = 0;
  uint64_t start_time = 0; // ns, CLOCK_BOOTTIME, of the thread group's leader
  StartPrecision start_precision = StartPrecision::exact;
  std::string comm;                       // of the leader
  std::shared_ptr<const std::string> exe; // path without " (deleted)"; never null, may be empty
  std::shared_ptr<const Executable> executable; // the program; nullptr: not known
  std::shared_ptr<const CgroupPaths> cgroups;   // never null
  uint64_t mount_namespace = 0;                 // inode number; 0: not known
  uid_t uid = 0;                                // effective, at the last look
  bool kernel_thread = false;
  bool maps_unreadable = false; // mappings could not be read: samples will lack names
  bool ghost = false;           // known from samples or late events only: it was never seen alive
  uint64_t execs = 0;           // programs it has run since it was first seen

  bool exited = false;
  uint64_t exit_time = 0; // ns, CLOCK_MONOTONIC; of the event, or of the moment it was missed

  AddressSpace space;

  // The start time in clock ticks: field 22 of /proc/PID/stat, the number in a profile's file name.
  [[nodiscard]] uint64_t start_ticks() const;

  // See AddressSpace.
  [[nodiscard]] const Mapping* find(ProcessAddress address) const { return space.find(address); }
  [[nodiscard]] const Mapping* find(ProcessAddress address, uint64_t time) const {
    return space.find(address, time);
  }

  // Whether (pid, start time) from elsewhere is this process, as precisely as its start is known.
  [[nodiscard]] bool started_at(uint64_t start_time_ns) const;
  [[nodiscard]] bool started_at_tick(uint64_t ticks) const;

  // The table's book-keeping.
  struct Upkeep {
    uint64_t known_since = 0;    // what happened before is in what was read from /proc
    uint64_t next_rescan = 0;    // ns, CLOCK_MONOTONIC: not for an unknown address before
    uint64_t rescan_backoff = 0; // ns, grows while rescans find nothing
    uint32_t loss_epoch = 0;     // losses of events that were made good by reading /proc
    int64_t threads = 0;         // live threads, as far as events tell
    bool threads_exact = false;  // seen from its birth or exec: `threads` may be believed
    bool leader_exited = false;
    bool awaits_exe = false; // after exec: the next file mapped is the program
  } upkeep;
};

// Clock ticks (field 22 of /proc/PID/stat) of a CLOCK_BOOTTIME time, and back (the tick's start).
uint64_t ticks_of(uint64_t boot_time_ns);
uint64_t time_of_ticks(uint64_t ticks);

} // namespace pprofd
