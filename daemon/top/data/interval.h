// The samples of one short interval, in the form that the live view adds up: threads, stacks, and
// the functions in them by their ids. Plain data, made by IntervalBuilder, one interval at a time.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "daemon/aggregate/aggregate.h"
#include "daemon/top/data/names.h"
#include "proto/profile.pb.h"

namespace pprofd::top {

struct ProcessIdentity {
  pid_t pid = 0;
  uint64_t start_ticks = 0; // as in /proc/PID/stat
  auto operator<=>(const ProcessIdentity&) const = default;
};

struct LiveProcess {
  ProcessIdentity identity;
  std::string comm;
  std::string executable; // path; may be empty
  SampleAccounting accounting;
};

struct LiveThread {
  uint32_t process = 0; // position in Interval::processes
  uint32_t tid = 0;
  std::string name;
};

struct LiveStack {
  uint32_t thread = 0; // position in Interval::threads
  uint32_t first = 0;  // of its frames, leaf first, in Interval::frames
  uint32_t length = 0;
  int64_t value = 0; // in the event's unit
};

struct Interval {
  std::chrono::nanoseconds duration{0};
  uint64_t unattributed_drops = 0;
  std::vector<LiveProcess> processes;
  std::vector<LiveThread> threads;
  std::vector<LiveStack> stacks;
  std::vector<FunctionId> frames;
  std::vector<FunctionId> held; // each function once

  // The stack's functions, leaf first; those inlined are frames of their own.
  [[nodiscard]] std::span<const FunctionId> frames_of(const LiveStack& stack) const {
    return std::span(frames).subspan(stack.first, stack.length);
  }
};

class IntervalBuilder {
public:
  // `names` outlives this; what the interval holds of it is released by LiveSamples.
  IntervalBuilder(NameTable& names, std::chrono::nanoseconds duration, uint64_t unattributed_drops);

  // `profile`: one process's, as compose_profile() makes them (samples first, then the event).
  void add(LiveProcess process, const perftools::profiles::Profile& profile);
  Interval finish() && { return std::move(interval_); }

private:
  FunctionId hold(const FunctionName& function);
  uint32_t thread_of(uint32_t process, const perftools::profiles::Profile& profile,
                     const perftools::profiles::Sample& sample);

  NameTable* names_;
  Interval interval_;
  std::unordered_set<FunctionId> held_;
  std::unordered_map<uint64_t, uint32_t> threads_; // of the process that is added, by tid
};

} // namespace pprofd::top
