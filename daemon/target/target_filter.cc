#include "daemon/target/target_filter.h"

#include <linux/magic.h>
#include <sys/vfs.h>

#include <algorithm>
#include <array>
#include <utility>

namespace pprofd {

namespace {

constexpr const char* kUnifiedMounts[] = {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"};

// All processes of a usual machine within a second, at 20 us each: half a per cent of a CPU.
constexpr std::chrono::milliseconds kRecheckInterval{100};
constexpr size_t kRechecksAtOnce = 25;
// The service has time: a tenth of a per cent.
constexpr size_t kFewRechecksAtOnce = 5;

bool is_v2_folder(const std::string& path) {
  struct statfs info{};
  return statfs(path.c_str(), &info) == 0 && info.f_type == CGROUP2_SUPER_MAGIC;
}

// The v2 folder a --cgroup names, by its full path or as /proc/PID/cgroup has it; empty: none.
std::string v2_folder(const std::string& cgroup) {
  if (is_v2_folder(cgroup))
    return cgroup;
  for (const char* mount : kUnifiedMounts) {
    if (std::string path = mount + cgroup; is_v2_folder(path))
      return path;
  }
  return {};
}

std::string describe(const Target& target) {
  std::string text;
  const auto add = [&text](std::string_view flag, const std::string& value) {
    text.append(text.empty() ? "" : " ").append(flag).append(value);
  };
  for (const pid_t pid : target.pids)
    add("--pid ", std::to_string(pid));
  for (const std::string& name : target.comms)
    add("--comm ", name);
  for (const std::string& path : target.exes)
    add("--exe ", path);
  for (const std::string& path : target.cgroups)
    add("--cgroup ", path);
  for (const std::string& unit : target.units)
    add("--unit ", unit);
  for (const std::string& id : target.containers)
    add("--container ", id);
  return text;
}

Result<void> check_pids(const std::vector<pid_t>& pids) {
  const ProcFs proc;
  for (const pid_t pid : pids) {
    const auto stat = proc.stat(pid);
    if (!stat)
      return fail("record process " + std::to_string(pid), "there is no such process");
    const auto status = proc.status(pid);
    if (status && status->tgid != pid)
      return fail("record process " + std::to_string(pid),
                  "it is a thread of process " + std::to_string(status->tgid),
                  "give the process: -p " + std::to_string(status->tgid));
    if (stat->dead() && proc.accessible_thread(pid) == 0)
      return fail("record process " + std::to_string(pid), "it has ended (it is a zombie)");
  }
  return {};
}

} // namespace

Result<TargetFilter> TargetFilter::create(const Target& target) {
  if (auto checked = check_pids(target.pids); !checked)
    return std::unexpected(checked.error());
  TargetFilter filter(target);
  filter.description_ = describe(target);
  if (!target.cgroups.empty() || !target.units.empty() || !target.containers.empty())
    filter.rechecks_ = kRechecksAtOnce;
  std::vector<Result<ProcessPredicate>> made;
  made.reserve(target.exes.size() + target.cgroups.size());
  for (const std::string& path : target.exes)
    made.push_back(match_exe(path));
  for (const std::string& path : target.cgroups) {
    made.push_back(match_cgroup(path));
    if (std::string folder = v2_folder(path); !folder.empty())
      filter.cgroup_folders_.push_back(std::move(folder));
  }
  for (const std::string& unit : target.units)
    made.push_back(match_unit(unit));
  for (const std::string& id : target.containers)
    made.push_back(match_container(id));
  for (auto& predicate : made) {
    if (!predicate)
      return std::unexpected(predicate.error());
    filter.predicates_.push_back(std::move(*predicate));
  }
  for (const std::string& name : target.comms) {
    auto predicate = match_comm(name);
    if (!predicate)
      return std::unexpected(predicate.error());
    filter.comm_predicates_.push_back(std::move(*predicate));
  }
  return filter;
}

TargetFilter TargetFilter::matching(ProcessPredicate matches) {
  TargetFilter filter{Target{}};
  filter.predicates_.push_back(std::move(matches));
  filter.rechecks_ = kFewRechecksAtOnce;
  return filter;
}

pprofd_verdict TargetFilter::default_verdict() const {
  if (target_.all)
    return PPROFD_INCLUDE;
  return leaves_undecided() ? PPROFD_UNDECIDED : PPROFD_EXCLUDE;
}

Result<void> TargetFilter::include_pid(pid_t pid, uint64_t start_time) {
  return collector_->sampler().set_verdict(static_cast<uint32_t>(pid),
                                           {.start_time = start_time,
                                            .verdict = PPROFD_INCLUDE,
                                            .children = target_.children,
                                            .until_exec = 0,
                                            .pad = {}});
}

Result<void> TargetFilter::install(Collector& collector) {
  collector_ = &collector;
  for (const std::string& name : target_.comms) {
    if (auto set = collector.sampler().include_comm(name); !set)
      return set;
  }
  for (const std::string& folder : cgroup_folders_) {
    if (auto set = collector.sampler().include_cgroup(folder); !set)
      return set;
  }
  for (const pid_t pid : target_.pids) {
    if (auto set = include_pid(pid, 0); !set)
      return set;
    pids_[pid] = false;
    matched_ = true;
  }
  if (target_.all)
    return {};
  collector.is_target = [this](const Process& process) { return decide(process); };
  collector.processes().on_new_process = [this](Process& process) { decide(process); };
  collector.processes().on_exec = [this](Process& process) {
    // Children of a target stay targets whatever they execute.
    const auto known = decisions_.find(process.serial);
    if (known != decisions_.end() && !known->second.included)
      decisions_.erase(known);
    decide(process);
  };
  collector.processes().on_retired = [this](const Process& process) {
    decisions_.erase(process.serial);
  };
  return {};
}

void TargetFilter::remove() {
  for (const auto& [serial, decision] : std::exchange(decisions_, {}))
    collector_->sampler().clear_verdict(static_cast<uint32_t>(decision.pid));
  to_recheck_.clear();
  collector_->is_target = [](const Process&) { return true; };
  collector_->processes().on_new_process = nullptr;
  collector_->processes().on_exec = nullptr;
  collector_->processes().on_retired = nullptr;
}

Result<void> TargetFilter::include_command(pid_t pid) {
  matched_ = true;
  pids_[pid] = true; // its start time can't be another's: it is our child and not reaped
  const bool in_kernel = collector_->sampler().follows_children();
  const auto verdict = in_kernel ? PPROFD_INCLUDE_FROM_EXEC : PPROFD_INCLUDE;
  return collector_->sampler().set_verdict(static_cast<uint32_t>(pid),
                                           {.start_time = 0,
                                            .verdict = static_cast<uint8_t>(verdict),
                                            .children = 1,
                                            .until_exec = 0,
                                            .pad = {}});
}

bool TargetFilter::matches(const Process& process) const {
  const auto match = [&process](const ProcessPredicate& matches) { return matches(process); };
  return pids_.contains(process.pid) || std::ranges::any_of(predicates_, match) ||
         std::ranges::any_of(comm_predicates_, match);
}

bool TargetFilter::evaluate(const Process& process) const {
  if (matches(process))
    return true;
  if (!target_.children)
    return false;
  const Process* parent = collector_->processes().live(process.parent);
  if (parent == nullptr)
    return false;
  const auto known = decisions_.find(parent->serial);
  return known != decisions_.end() && known->second.included;
}

bool TargetFilter::decide(const Process& process) {
  const auto known = decisions_.find(process.serial);
  if (known != decisions_.end())
    return known->second.included;

  const bool included = evaluate(process);
  matched_ = matched_ || included;
  if (pids_.contains(process.pid))
    collector_->watch(process);
  decisions_.emplace(process.serial, Decision{process.pid, included, false});
  if (!pids_.contains(process.pid) && !process.exited)
    tell_kernel(process, included);
  return included;
}

// A verdict only makes the kernel's work shorter or longer; without room for it the decision
// stands here all the same.
void TargetFilter::tell_kernel(const Process& process, bool included) {
  const uint64_t start_time =
      process.start_precision == StartPrecision::exact ? process.start_time : 0;
  if (included)
    (void)include_pid(process.pid, start_time);
  else if (leaves_undecided())
    (void)collector_->sampler().set_verdict(static_cast<uint32_t>(process.pid),
                                            {.start_time = start_time,
                                             .verdict = PPROFD_EXCLUDE,
                                             .children = 0,
                                             .until_exec = 1,
                                             .pad = {}});
}

// The kernel does not report a process's move to another cgroup, so that all are looked at in
// turn, at a bounded cost.
void TargetFilter::recheck_members() {
  const auto now = std::chrono::steady_clock::now();
  if (rechecks_ == 0 || now - rechecked_ < kRecheckInterval)
    return;
  rechecked_ = now;
  if (to_recheck_.empty()) {
    for (const auto& [serial, decision] : decisions_)
      to_recheck_.push_back(serial);
  }
  for (size_t n = 0; n < rechecks_ && !to_recheck_.empty(); ++n) {
    const auto known = decisions_.find(to_recheck_.back());
    to_recheck_.pop_back();
    if (known == decisions_.end())
      continue;
    Process* process = collector_->processes().live(known->second.pid);
    if (process == nullptr || process->serial != known->first)
      continue;
    collector_->processes().refresh_identity(*process);
    recheck(*process, known->second);
  }
}

void TargetFilter::recheck(const Process& process, Decision& decision) {
  const bool included = evaluate(process);
  if (included == decision.included)
    return;
  decision.included = included;
  matched_ = matched_ || included;
  tell_kernel(process, included);
}

void TargetFilter::tick() {
  recheck_members();
  // From the first sample on, the exact start time keeps a reused pid out.
  for (auto& [pid, exact] : pids_) {
    const Process* process = collector_->processes().live(pid);
    if (exact || process == nullptr || process->start_precision != StartPrecision::exact)
      continue;
    exact = include_pid(pid, process->start_time).has_value();
  }
  for (auto at = decisions_.begin(); at != decisions_.end();) {
    Decision& decision = at->second;
    const Process* process = collector_->processes().live(decision.pid);
    const bool lives = process != nullptr && process->serial == at->first;
    if (!lives && !decision.ended) {
      decision.ended = true;
      if (process == nullptr)
        collector_->sampler().clear_verdict(static_cast<uint32_t>(decision.pid));
    }
    // Of a target, samples may still be on their way, and its children ask for it.
    at = lives || decision.included ? std::next(at) : decisions_.erase(at);
  }
}

bool TargetFilter::all_pids_ended() const {
  return !target_.pids.empty() && std::ranges::all_of(target_.pids, [this](pid_t pid) {
    const Process* process = collector_->processes().live(pid);
    return process == nullptr || process->exited;
  });
}

} // namespace pprofd
