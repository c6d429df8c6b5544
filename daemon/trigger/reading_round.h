// Reads what triggers are decided by, of all processes that concern them, round by round: a few
// processes at a time beside the sampling, and the next round not before the last one has cost less
// than half a per cent of one CPU.
//
// A process that used no CPU since the round before costs two system calls, another one two to
// three more and, where the run queue is asked for, one file a thread.
//
// One thread. Source: proc_pid_schedstat(5), Documentation/scheduler/sched-stats.rst: the second
// number is the time waited on a run queue, in nanoseconds.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <unordered_map>
#include <vector>

#include "daemon/process/proc_fs.h"
#include "daemon/trigger/metric.h"

namespace pprofd {

// Of a process, since it began.
struct ProcessCounts {
  uint64_t cpu_nanos = 0;
  uint64_t threads = 0;
  uint64_t run_queue_nanos = 0; // 0 where it was not asked for, or there are too many threads
};

// What a process is measured by; the run queue only where it is wanted. With `before` what can't
// have changed is taken from there. Nothing: it is gone.
std::optional<ProcessCounts> read_counts(const ProcFs& proc, pid_t pid, bool run_queue,
                                         const ProcessCounts* before = nullptr);

// What a process did in a time.
TriggerReading reading_between(const ProcessCounts& before, const ProcessCounts& after,
                               std::chrono::nanoseconds time);

class ReadingRound {
public:
  using Clock = std::chrono::steady_clock;

  struct Candidate {
    uint64_t process; // Process::serial
    pid_t pid;
  };
  // `list`: the processes of a round, when it begins. `each`: a reading of one; not of one that is
  // read for the first time. `end`: the round is over.
  struct Calls {
    std::function<std::vector<Candidate>()> list;
    std::function<void(const Candidate& candidate, const TriggerReading& reading,
                       Clock::time_point now)>
        each;
    std::function<void()> end;
  };

  ReadingRound(ProcFs proc, std::chrono::nanoseconds interval, bool run_queue, Calls calls)
      : proc_(std::move(proc)), interval_(interval), run_queue_(run_queue),
        calls_(std::move(calls)) {}

  // Goes on for about so long.
  void step(std::chrono::nanoseconds at_most);

private:
  struct Known {
    ProcessCounts counts;
    Clock::time_point read;
    uint64_t round = 0;
  };
  void begin(Clock::time_point now);
  void look_at(const Candidate& candidate);

  ProcFs proc_;
  std::chrono::nanoseconds interval_;
  bool run_queue_;
  Calls calls_;
  std::unordered_map<uint64_t, Known> known_;
  std::vector<Candidate> candidates_; // of the round that is under way
  size_t next_ = 0;
  bool under_way_ = false;
  uint64_t round_ = 0;
  std::optional<Clock::time_point> began_;
  std::chrono::nanoseconds spent_{0}; // on the round
};

} // namespace pprofd
