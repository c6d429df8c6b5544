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
// mappings; /proc is read once per process, and again only after losses or for an address that is
// not found, which together may take 2 % of one CPU.
//
// One owner, one thread. Reading of /proc/PID/maps may block (mmap_lock): it runs on a helper
// thread with a deadline (BlockingCalls).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "daemon/process/executable_store.h"
#include "daemon/process/files/blocking_calls.h"
#include "daemon/process/proc_fs.h"
#include "daemon/process/proc_snapshot.h"
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
  std::chrono::milliseconds scan_deadline{500}; // of reading one process
  // Of one process, for unknown addresses; doubled each time it was in vain.
  std::chrono::nanoseconds rescan_interval{1'000'000'000};
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
  Process* live(pid_t pid);

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

  // Called when a process is new (fork, scan, sample) and when it runs a new program, as soon as
  // its file is known; a target filter decides there. Must not call the table.
  std::function<void(Process&)> on_new_process;
  std::function<void(Process&)> on_exec;
  // Called when what a process has mapped changed, and when it exited. Must not call the table.
  std::function<void(Process&)> on_mappings;
  // Called before a process that has exited is freed.
  std::function<void(const Process&)> on_retired;

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
  // Events.
  void on_fork(const ProcessEvent& event, const ForkEvent& fork);
  void on_exit(const ProcessEvent& event);
  void on_comm(const ProcessEvent& event, const CommEvent& comm);
  void on_mmap(const ProcessEvent& event, const MmapEvent& mmap);
  void on_lost(const LostEvent& lost);
  void begin_program(Process& process, uint64_t time);
  void program_found(Process& process, const Mapping& mapping) const;
  [[nodiscard]] uint64_t boot_time(uint64_t monotonic) const;

  // Processes coming and going.
  void mappings_changed(Process& process) const;
  Process& create(pid_t pid);
  Process& create_ghost(pid_t pid, uint64_t start_time);
  void inherit(Process& child, const Process& parent);
  void mark_exited(pid_t pid, uint64_t time);
  [[nodiscard]] Process* live_process(pid_t pid) const;
  [[nodiscard]] bool has_ended(const Process& process) const;
  void settle_uncertain();
  void reap_missing();

  // Reading /proc (process_table_scan.cc).
  Process* read(pid_t pid);
  Process* install(pid_t pid, const ProcSnapshot& snapshot, uint64_t known_since);
  void take_identity(Process& process, const ProcSnapshot& snapshot);
  void take_mappings(Process& process, const ProcSnapshot& snapshot, uint64_t time);
  Mapping mapping_of(const Process& process, pid_t accessible, const ProcMapping& line);
  [[nodiscard]] bool may_rescan();
  bool rescan(Process& process);
  void refresh_surroundings(Process& process);
  std::shared_ptr<const CgroupPaths> cgroups_of(const std::string& text);
  [[nodiscard]] std::vector<pid_t> neighbours(const Process& process) const;
  Mapping new_mapping(const Process& process, pid_t accessible, const MappedFile& file,
                      ProcessAddress start, ProcessAddress end, FileOffset offset);

  ProcFs proc_;
  ExecutableStore& store_;
  ProcessTableOptions options_;
  BlockingCalls calls_;
  Stats stats_;
  uint64_t next_serial_ = 1;
  uint32_t loss_epoch_ = 0;
  bool must_reap_ = false;
  // Rescans may take this share (1 / n) of the time, and this much (ns) at once.
  static constexpr uint64_t kRescanShare = 50;
  static constexpr int64_t kRescanBurst = 250'000'000;
  int64_t rescan_budget_ = kRescanBurst;
  uint64_t budget_counted_at_ = 0;
  uint64_t own_mount_namespace_ = 0;
  std::shared_ptr<const std::string> empty_name_;
  std::shared_ptr<const std::string> anonymous_name_;
  std::shared_ptr<const CgroupPaths> no_cgroups_;
  std::unordered_map<std::string, std::weak_ptr<const CgroupPaths>> cgroups_; // by the file's text
  std::unordered_map<pid_t, std::unique_ptr<Process>> live_;
  std::unordered_multimap<pid_t, std::unique_ptr<Process>> exited_;
  std::unordered_set<pid_t> uncertain_; // their leader has exited, maybe they have
};

} // namespace pprofd
