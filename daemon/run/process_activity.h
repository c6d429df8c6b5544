// How each process uses the machine: CPU, memory, threads, open files, faults, storage and context
// switches, once a minute, read from /proc a few processes at a time beside the sampling. One
// thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "daemon/process/proc_fs.h"
#include "proto/serve.pb.h"

namespace pprofd {

class ProcessActivity {
public:
  using Clock = std::chrono::steady_clock;

  // Who a process is, for those who read about it; empty: not known.
  struct Identity {
    std::string service;
    std::string comm;
  };
  using Identify = std::function<Identity(pid_t pid, const ProcStat& stat)>;

  ProcessActivity(ProcFs proc, std::chrono::nanoseconds interval, Identify identify)
      : proc_(std::move(proc)), interval_(interval), identify_(std::move(identify)) {}

  // Goes on for about so long. Returns what all processes did since the round before, where a
  // round ends now and was not the first; those that did nothing are left out.
  std::optional<serve::ProcessMetrics> step(std::chrono::nanoseconds at_most);

private:
  struct Counts {
    uint64_t start_ticks = 0;
    uint64_t cpu_ticks = 0;
    uint64_t minor_faults = 0;
    uint64_t major_faults = 0;
    ProcIo io;
    ProcSwitches switches;
  };

  void begin_round(Clock::time_point now);
  void look_at(pid_t pid);
  std::optional<serve::ProcessMetrics> end_round();

  ProcFs proc_;
  std::chrono::nanoseconds interval_;
  Identify identify_;
  std::unordered_map<pid_t, Counts> before_;
  std::unordered_map<pid_t, Counts> now_;
  std::vector<pid_t> pids_; // of the round that is under way
  size_t next_ = 0;
  bool under_way_ = false;
  uint64_t rounds_ = 0;
  Clock::time_point began_;
  Clock::time_point began_before_;
  serve::ProcessMetrics metrics_;
};

} // namespace pprofd
