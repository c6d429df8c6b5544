// Who is sampled. What the kernel can decide by itself (pids and their children, names,
// v2 cgroups) is put into its filters; the rest (program files, v1 cgroups, units, containers) is
// left undecided there, and decided here for each process when it appears and when it executes.
//
// One thread, the collector's. Set up before the collector starts.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "daemon/cli/record_options.h"
#include "daemon/collect/collector.h"
#include "daemon/process/target_match.h"
#include "symbolizer/base/result.h"

namespace pprofd {

class TargetFilter {
public:
  // Fails where a target makes no sense or (a pid) does not exist.
  static Result<TargetFilter> create(const Target& target);
  // Processes for which the predicate holds; asked again when one executes, and now and then.
  static TargetFilter matching(ProcessPredicate matches);

  // What the kernel does with processes that no filter names.
  [[nodiscard]] pprofd_verdict default_verdict() const;

  // Sets the kernel's filters and hooks into the collector, which must not outlive this, unless
  // remove() takes them out again. This must not move any more.
  Result<void> install(Collector& collector);
  void remove();
  // The started command: sampled from its exec on, its children too.
  Result<void> include_command(pid_t pid);

  // Follows exits; to be called with each tick.
  void tick();

  // Whether all processes named by pid have ended; false where none was.
  [[nodiscard]] bool all_pids_ended() const;
  // Whether any process matched so far.
  [[nodiscard]] bool matched() const { return matched_; }
  // The target in words, for messages: "--comm nginx".
  [[nodiscard]] const std::string& description() const { return description_; }

private:
  struct Decision {
    pid_t pid;
    bool included;
    bool ended;
  };

  explicit TargetFilter(Target target) : target_(std::move(target)) {}
  [[nodiscard]] bool leaves_undecided() const { return !predicates_.empty() && !target_.all; }
  bool decide(const Process& process);
  bool evaluate(const Process& process) const;
  void tell_kernel(const Process& process, bool included);
  void recheck_members();
  void recheck(const Process& process, Decision& decision);
  bool matches(const Process& process) const;
  Result<void> include_pid(pid_t pid, uint64_t start_time);

  Target target_;
  std::string description_;
  std::vector<ProcessPredicate> predicates_;      // asked in user space
  std::vector<ProcessPredicate> comm_predicates_; // asked here for the children's sake only
  std::vector<std::string> cgroup_folders_;       // of v2
  Collector* collector_ = nullptr;
  std::unordered_map<uint64_t, Decision> decisions_; // by Process::serial
  std::unordered_map<pid_t, bool> pids_;             // named ones: is the exact start time set?
  bool matched_ = false;
  // Where what is matched may change while a process runs: how many are looked at again at once.
  size_t rechecks_ = 0;
  std::vector<uint64_t> to_recheck_; // serials, of the round that is under way
  std::chrono::steady_clock::time_point rechecked_;
};

} // namespace pprofd
