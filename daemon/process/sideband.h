// The kernel's news of processes: one dummy perf event per online CPU, decoded into ProcessEvents.
//
// The ring of a CPU takes MMAP2, COMM, FORK and EXIT records, the last two of threads too, and
// wakes the reader with each, so that an executable can be opened while its process lives. A busy
// machine makes thousands of records a second: the reader should leave kDrainInterval between two
// drains, however often it is woken.
//
// The loop of the owner:
//   poll({…, sideband.poll_fd()}, timeout);
//   uint64_t complete_until = sideband.drain(events);   // unordered
//   sort by time; apply all with time <= complete_until, keep the rest for the next round
// EventQueue does the second half.
//
// Needs CAP_PERFMON (or CAP_SYS_ADMIN, or perf_event_paranoid <= 0). Works without build ids where
// the kernel refuses them (before 5.12). One owner, one thread.
//
// Source: include/uapi/linux/perf_event.h; perf_output_begin() wakes by ring position for records
// other than samples, hence attr.watermark and not wakeup_events. perf_event_task_match() gives
// FORK and EXIT to each event that asks for mappings or names: a ring for the mappings alone cannot
// be had.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "daemon/perf/cpu_list.h"
#include "daemon/perf/mmap_ring.h"
#include "daemon/process/process_event.h"
#include "symbolizer/base/fd.h"
#include "symbolizer/base/result.h"

namespace pprofd {

struct SidebandOptions {
  bool build_ids = true;
  // Shared by all rings of all CPUs; a ring gets from 8 to 256 pages of it, and fewer where the
  // limit on locked memory says so.
  size_t ring_bytes = 8U << 20U;
  std::string online_path = "/sys/devices/system/cpu/online";
};

class Sideband {
public:
  static constexpr std::chrono::milliseconds kDrainInterval{2};

  // Opens the events of all online CPUs. From its return on, no change is missed unless a
  // LostEvent says so: call ProcessTable::scan_all() after it.
  static Result<Sideband> open(const SidebandOptions& options = {});

  // Appends what all CPUs have to tell, in time order per ring only. Returns the time (ns,
  // CLOCK_MONOTONIC) up to which the appended events are complete across CPUs.
  uint64_t drain(std::vector<ProcessEvent>& out);

  // Follows CPUs that came online or went; cheap enough for every tick. A CPU whose events cannot
  // be opened is tried again at the next call. Returns the number of CPUs newly watched.
  Result<size_t> update_cpus();

  // One descriptor that becomes readable when a ring wants to be drained (an epoll instance; the
  // set of rings may change behind it).
  [[nodiscard]] int poll_fd() const { return epoll_.get(); }

  [[nodiscard]] bool has_build_ids() const { return build_ids_; }
  [[nodiscard]] size_t cpus() const { return cpus_.size(); }
  // Bytes of all rings, which the kernel keeps locked.
  [[nodiscard]] size_t ring_bytes() const;
  // Records the kernel had no room for, and rings found in disorder; both also give a LostEvent.
  [[nodiscard]] uint64_t lost() const { return lost_; }
  [[nodiscard]] uint64_t corrupted() const { return corrupted_; }

private:
  struct Cpu {
    Fd event;
    MmapRing ring;
    uint64_t corrupted_seen = 0;
  };

  Sideband(SidebandOptions options, Fd epoll);
  Result<Cpu> open_cpu(int cpu);
  void drain_cpu(Cpu& cpu, std::vector<ProcessEvent>& out);

  SidebandOptions options_;
  Fd epoll_;
  CpuWatch watch_;
  std::map<int, Cpu> cpus_;
  bool build_ids_;
  std::vector<ProcessEvent> leftover_; // of CPUs that went
  uint64_t lost_ = 0;
  uint64_t corrupted_ = 0;
};

// Puts events of several rings into one order in time.
class EventQueue {
public:
  // Where drain() appends.
  std::vector<ProcessEvent>& incoming() { return incoming_; }

  // Calls `apply(const ProcessEvent&)` for every event up to `complete_until`, oldest first; later
  // ones wait for the next call.
  template <typename Apply> void take(uint64_t complete_until, Apply&& apply) {
    sort_incoming();
    size_t taken = 0;
    while (taken < waiting_.size() && waiting_[taken].event.time <= complete_until)
      apply(static_cast<const ProcessEvent&>(waiting_[taken++].event));
    waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(taken));
  }

private:
  struct Waiting {
    uint64_t number; // of arrival
    ProcessEvent event;
  };

  void sort_incoming();

  std::vector<ProcessEvent> incoming_;
  std::vector<Waiting> waiting_; // by time
  uint64_t next_ = 0;
};

} // namespace pprofd
