// All processes of the machine, kept up to date by events, completed from /proc.
//
// Feeding: scan_all() once after Sideband::open(), then apply() every event in time order (all
// CPUs merged, EventQueue). An event from before a process was read from /proc is skipped: what it
// tells is in what was read. Lost events are made good by reading /proc again, for a process when
// its next sample comes.
//
// Asking: find() for each sample. Samples may be looked up after later events have been applied
// (mappings know their times), so the order to keep is only: read samples, then drain the side
// band, apply, and then look the samples up.
//
// Ending: a process that exited stays until retire_exited() is told that its samples are out. Live
// and exited processes keep their address; pointers are valid until retired.
//
// Costs are bounded: an event of a thread is one hash look-up; a fork shares the parent's
// mappings; /proc is read once per process and again only after losses, or when an address is
// not found and the last reading is older than a second.
//
// One owner, one thread. Reading of /proc/PID/maps may block (mmap_lock): it runs on a helper
// thread with a deadline (BlockingCalls).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "daemon/process/executable_store.h"
#include "daemon/process/files/blocking_calls.h"
#include "daemon/process/proc_fs.h"
#include "daemon/process/process.h"
#include "daemon/process/process_event.h"

namespace pprofd {

// Clocks, replaced by tests.
struct ProcessClocks {
  std::function<uint64_t()> monotonic;            // ns
  std::function<uint64_t()> boot_minus_monotonic; // ns that the machine was suspended, so far
  static ProcessClocks system();
};

struct ProcessTableOptions {
  std::chrono::milliseconds scan_deadline{200};            // of reading one process
  std::chrono::nanoseconds rescan_interval{1'000'000'000}; // of one process, for unknown addresses
  ProcessClocks clocks = ProcessClocks::system();
};

class ProcessTable {
public:
  // `store` must outlive the table.
  ProcessTable(ProcFs proc, ExecutableStore& store, ProcessTableOptions options = {});

  // Reads all processes there are. Fails only where /proc cannot be listed.
  Result<size_t> scan_all();
  // Reads one; false: there is no such process (or nothing of it can be read).
  bool scan(pid_t pid);

  void apply(const ProcessEvent& event);

  // The process of a sample: pid and start time (ns, CLOCK_BOOTTIME) as the kernel gives them.
  // Unknown ones are read from /proc; one that is already gone, or whose pid has another owner by
  // now, gets an entry without mappings (`ghost`, exited). Never null.
  Process* find(pid_t pid, uint64_t start_time);
  // The live process of a pid, as far as known; nullptr: none. Reads nothing.
  [[nodiscard]] const Process* live(pid_t pid) const;

  // The mapping of an address in a sample of that time. Where none is known and the last reading
  // of /proc/PID/maps is older than rescan_interval, reads it again (mremap and shared address
  // spaces are not reported by the kernel).
  const Mapping* find_mapping(Process& process, ProcessAddress address, uint64_t time);

  // Every process, exited ones included, in no order.
  void for_each(const std::function<void(Process&)>& visit);

  // Frees the processes that exited before `time` (ns, CLOCK_MONOTONIC) and for which `may_go`
  // holds. Also finds out which processes have ended without telling (lost events, dead leaders).
  // Returns how many went.
  size_t retire_exited(uint64_t time, const std::function<bool(const Process&)>& may_go);
  // Forgets what was mapped at times no sample will come from any more.
  void forget_replaced(uint64_t time);

  // Reads comm and cgroup of a live process again: neither changes of cgroup nor every change of
  // name are reported. Before a profile is written; cheap (20 us).
  void refresh_identity(Process& process);

  // Calls back when a process is new (fork, scan, sample) and when it runs a new program; a target
  // filter decides there.
  std::function<void(Process&)> on_new_process;
  std::function<void(Process&)> on_exec;

  struct Stats {
    uint64_t events = 0;
    uint64_t skipped = 0;       // events from before the process was read from /proc
    uint64_t lost = 0;          // records the kernel had no room for
    uint64_t scans = 0;         // processes read from /proc
    uint64_t rescans = 0;       // of them, again: lost events, unknown addresses
    uint64_t scan_failures = 0; // gone or unreadable while being read
    uint64_t scan_timeouts = 0;
    uint64_t ghosts = 0; // processes of which only samples or events were seen
    uint64_t pid_reuses = 0;
  };
  [[nodiscard]] const Stats& stats() const { return stats_; }
  [[nodiscard]] size_t live_count() const { return live_.size(); }
  [[nodiscard]] size_t exited_count() const { return exited_.size(); }
  // Bytes of heap, estimated.
  [[nodiscard]] size_t memory() const;

private:
  ProcFs proc_;
  ExecutableStore& store_;
  ProcessTableOptions options_;
  Stats stats_;
  std::unordered_map<pid_t, std::unique_ptr<Process>> live_;
  std::unordered_multimap<pid_t, std::unique_ptr<Process>> exited_;
};

} // namespace pprofd
