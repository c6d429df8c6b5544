#include "daemon/process/process_table.h"

#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <utility>

namespace pprofd {

namespace {

uint64_t read_clock(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return (static_cast<uint64_t>(now.tv_sec) * 1'000'000'000U) + static_cast<uint64_t>(now.tv_nsec);
}

} // namespace

ProcessClocks ProcessClocks::system() {
  return {.monotonic = [] { return read_clock(CLOCK_MONOTONIC); },
          .boot_minus_monotonic =
              [] {
                // The smaller of two differences: the thread may be held up between the clocks.
                const uint64_t first = read_clock(CLOCK_MONOTONIC);
                const uint64_t boot = read_clock(CLOCK_BOOTTIME);
                const uint64_t second = read_clock(CLOCK_MONOTONIC);
                return std::min(boot - first, read_clock(CLOCK_BOOTTIME) - second);
              }};
}

ProcessTable::ProcessTable(ProcFs proc, ExecutableStore& store, ProcessTableOptions options)
    : proc_(std::move(proc)), store_(store), options_(std::move(options)),
      own_mount_namespace_(proc_.mount_namespace(::getpid()).value_or(0)),
      empty_name_(std::make_shared<const std::string>()),
      anonymous_name_(std::make_shared<const std::string>("//anon")),
      no_cgroups_(std::make_shared<const CgroupPaths>()) {}

void ProcessTable::apply(const ProcessEvent& event) {
  ++stats_.events;
  if (const auto* lost = std::get_if<LostEvent>(&event.what))
    on_lost(*lost);
  else if (event.pid <= 0)
    return; // outside of this pid namespace
  else if (const auto* fork = std::get_if<ForkEvent>(&event.what))
    on_fork(event, *fork);
  else if (std::holds_alternative<ExitEvent>(event.what))
    on_exit(event);
  else if (const auto* comm = std::get_if<CommEvent>(&event.what))
    on_comm(event, *comm);
  else if (const auto* mmap = std::get_if<MmapEvent>(&event.what))
    on_mmap(event, *mmap);
}

uint64_t ProcessTable::boot_time(uint64_t monotonic) const {
  return monotonic + options_.clocks.boot_minus_monotonic();
}

void ProcessTable::on_fork(const ProcessEvent& event, const ForkEvent& fork) {
  Process* known = live_process(event.pid);
  if (event.pid == fork.parent_pid) { // a thread
    if (known != nullptr && event.time >= known->upkeep.known_since)
      ++known->upkeep.threads;
    return;
  }
  if (known != nullptr) {
    if (event.time < known->upkeep.known_since) {
      ++stats_.skipped;
      return;
    }
    ++stats_.pid_reuses;
    mark_exited(event.pid, event.time);
  }
  const Process* parent = live_process(fork.parent_pid);
  if (parent == nullptr) {
    if (Process* found = read(event.pid)) {
      found->parent = fork.parent_pid;
      return;
    }
  }
  Process& child = create(event.pid);
  child.parent = fork.parent_pid;
  child.start_time = boot_time(event.time);
  child.start_precision = StartPrecision::fork;
  child.upkeep.known_since = event.time;
  child.upkeep.threads = 1;
  child.upkeep.threads_exact = true;
  if (parent != nullptr)
    inherit(child, *parent);
  mappings_changed(child);
  if (on_new_process)
    on_new_process(child);
}

void ProcessTable::inherit(Process& child, const Process& parent) {
  child.comm = parent.comm;
  child.exe = parent.exe;
  child.executable = parent.executable;
  child.cgroups = parent.cgroups;
  child.mount_namespace = parent.mount_namespace;
  child.uid = parent.uid;
  child.kernel_thread = parent.kernel_thread;
  child.maps_unreadable = parent.maps_unreadable;
  child.space = parent.space;
  child.upkeep.loss_epoch = parent.upkeep.loss_epoch;
}

void ProcessTable::on_exit(const ProcessEvent& event) {
  Process* process = live_process(event.pid);
  if (process == nullptr)
    return;
  Process::Upkeep& upkeep = process->upkeep;
  if (event.time >= upkeep.known_since)
    --upkeep.threads;
  else
    ++stats_.skipped;
  if (event.tid == event.pid) {
    // A pid's earlier owner is no concern; this one may have been read while it was dying.
    if (boot_time(event.time) < process->start_time)
      return;
    upkeep.leader_exited = true;
  }
  if (!upkeep.leader_exited)
    return;
  if (upkeep.threads_exact && upkeep.loss_epoch == loss_epoch_ && upkeep.threads <= 0)
    mark_exited(event.pid, event.time);
  else
    uncertain_.insert(event.pid);
}

void ProcessTable::on_comm(const ProcessEvent& event, const CommEvent& comm) {
  Process* process = live_process(event.pid);
  if (process == nullptr) {
    if (comm.exec)
      read(event.pid);
    return;
  }
  if (event.time < process->upkeep.known_since) {
    ++stats_.skipped;
    return;
  }
  if (event.tid == event.pid)
    process->comm = comm.comm;
  if (comm.exec)
    begin_program(*process, event.time);
}

void ProcessTable::begin_program(Process& process, uint64_t time) {
  process.space.clear(time);
  mappings_changed(process);
  process.exe = empty_name_;
  process.executable = nullptr;
  process.kernel_thread = false; // the kernel starts user programs from its own threads
  process.maps_unreadable = false;
  ++process.execs;
  // exec leaves one thread, which takes the leader's place whichever it was.
  process.upkeep.threads = 1;
  process.upkeep.threads_exact = true;
  process.upkeep.leader_exited = false;
  process.upkeep.awaits_exe = true;
  process.upkeep.rescan_backoff = 0;
  process.upkeep.next_rescan = 0;
  uncertain_.erase(process.pid);
  refresh_surroundings(process);
}

void ProcessTable::on_mmap(const ProcessEvent& event, const MmapEvent& mmap) {
  Process* process = live_process(event.pid);
  if (process == nullptr) {
    if (read(event.pid) != nullptr)
      return; // the mapping is in what was read
    process = &create(event.pid);
    process->ghost = true;
    process->start_time = boot_time(event.time);
    process->start_precision = StartPrecision::fork;
    ++stats_.ghosts;
    if (on_new_process)
      on_new_process(*process);
  }
  if (event.time < process->upkeep.known_since) {
    ++stats_.skipped;
    return;
  }
  const MappedFile file{.name = mmap.name,
                        .build_id = mmap.build_id,
                        .device = makedev(mmap.device_major, mmap.device_minor),
                        .inode = mmap.inode,
                        .generation = mmap.generation};
  const pid_t accessible =
      process->upkeep.leader_exited ? proc_.accessible_thread(event.pid) : event.pid;
  Mapping mapping = new_mapping(*process, accessible, file, mmap.start,
                                {mmap.start.value + mmap.length}, mmap.offset);
  if (mapping.kind == MappingKind::vsyscall)
    return;
  mapping.mapped_at = event.time;
  if (process->upkeep.awaits_exe && mapping.kind == MappingKind::file)
    program_found(*process, mapping);
  process->space.map(std::move(mapping));
  mappings_changed(*process);
}

void ProcessTable::mappings_changed(Process& process) const {
  if (on_mappings)
    on_mappings(process);
}

void ProcessTable::program_found(Process& process, const Mapping& mapping) const {
  process.exe = mapping.name;
  process.executable = mapping.executable;
  process.upkeep.awaits_exe = false;
  if (on_exec)
    on_exec(process);
}

void ProcessTable::on_lost(const LostEvent& lost) {
  stats_.lost += lost.lost;
  ++loss_epoch_;
  must_reap_ = true;
}

Process& ProcessTable::create(pid_t pid) {
  auto created = std::make_unique<Process>();
  created->serial = next_serial_++;
  created->pid = pid;
  created->exe = empty_name_;
  created->cgroups = no_cgroups_;
  created->upkeep.loss_epoch = loss_epoch_;
  std::unique_ptr<Process>& place = live_[pid];
  place = std::move(created);
  return *place;
}

Process& ProcessTable::create_ghost(pid_t pid, uint64_t start_time) {
  auto created = std::make_unique<Process>();
  created->serial = next_serial_++;
  created->pid = pid;
  created->start_time = start_time;
  created->exe = empty_name_;
  created->cgroups = no_cgroups_;
  created->ghost = true;
  created->exited = true;
  created->exit_time = options_.clocks.monotonic();
  ++stats_.ghosts;
  Process& ghost = *exited_.emplace(pid, std::move(created))->second;
  if (on_new_process)
    on_new_process(ghost);
  return ghost;
}

void ProcessTable::mark_exited(pid_t pid, uint64_t time) {
  const auto found = live_.find(pid);
  if (found == live_.end())
    return;
  found->second->exited = true;
  found->second->exit_time = time;
  mappings_changed(*found->second);
  exited_.emplace(pid, std::move(found->second));
  live_.erase(found);
  uncertain_.erase(pid);
}

Process* ProcessTable::live_process(pid_t pid) const {
  const auto found = live_.find(pid);
  return found != live_.end() ? found->second.get() : nullptr;
}

const Process* ProcessTable::live(pid_t pid) const {
  return live_process(pid);
}

Process* ProcessTable::live(pid_t pid) {
  return live_process(pid);
}

Process* ProcessTable::find(pid_t pid, uint64_t start_time) {
  const auto recognise = [&](Process* process) {
    const bool same = process != nullptr && process->started_at(start_time);
    if (same && process->start_precision != StartPrecision::exact) {
      process->start_time = start_time;
      process->start_precision = StartPrecision::exact;
    }
    return same;
  };
  Process* process = live_process(pid);
  if (recognise(process)) {
    if (process->upkeep.loss_epoch != loss_epoch_ && may_rescan())
      rescan(*process);
    return process;
  }
  const auto [first, last] = exited_.equal_range(pid);
  for (auto at = first; at != last; ++at)
    if (recognise(at->second.get()))
      return at->second.get();
  // A start time from a fork event may be wrong after the machine has slept: /proc decides then.
  if (process != nullptr && process->start_precision != StartPrecision::fork &&
      start_time < process->start_time)
    return &create_ghost(pid, start_time);
  if (process != nullptr) {
    ++stats_.pid_reuses;
    mark_exited(pid, options_.clocks.monotonic());
  }
  process = read(pid);
  if (recognise(process))
    return process;
  return &create_ghost(pid, start_time);
}

const Mapping* ProcessTable::find_mapping(Process& process, ProcessAddress address, uint64_t time) {
  if (const Mapping* mapping = process.find(address, time))
    return mapping;
  if (process.exited || process.kernel_thread)
    return nullptr;
  Process::Upkeep& upkeep = process.upkeep;
  const uint64_t now = options_.clocks.monotonic();
  if (now < upkeep.next_rescan || !may_rescan())
    return nullptr;
  const Mapping* mapping = rescan(process) ? process.find(address, time) : nullptr;
  const auto interval = static_cast<uint64_t>(options_.rescan_interval.count());
  static constexpr uint64_t kLongest = 64;
  upkeep.rescan_backoff =
      mapping != nullptr ? interval
                         : std::clamp(upkeep.rescan_backoff * 2, interval, interval * kLongest);
  upkeep.next_rescan = now + upkeep.rescan_backoff;
  return mapping;
}

void ProcessTable::for_each(const std::function<void(Process&)>& visit) {
  for (const auto& [pid, process] : live_)
    visit(*process);
  for (const auto& [pid, process] : exited_)
    visit(*process);
}

bool ProcessTable::has_ended(const Process& process) const {
  const std::optional<ProcStat> stat = proc_.stat(process.pid);
  if (!stat || !process.started_at_tick(stat->start_ticks))
    return true;
  return stat->dead() && stat->threads <= 1;
}

void ProcessTable::settle_uncertain() {
  std::vector<pid_t> ended;
  for (const pid_t pid : uncertain_)
    if (const Process* process = live_process(pid); process == nullptr || has_ended(*process))
      ended.push_back(pid);
  for (const pid_t pid : ended) {
    mark_exited(pid, options_.clocks.monotonic());
    uncertain_.erase(pid);
  }
}

void ProcessTable::reap_missing() {
  const Result<std::vector<pid_t>> pids = proc_.pids();
  if (!pids)
    return;
  must_reap_ = false;
  std::vector<pid_t> missing;
  for (const auto& [pid, process] : live_)
    if (!std::ranges::binary_search(*pids, pid))
      missing.push_back(pid);
  for (const pid_t pid : missing)
    mark_exited(pid, options_.clocks.monotonic());
}

size_t ProcessTable::retire_exited(uint64_t time,
                                   const std::function<bool(const Process&)>& may_go) {
  if (must_reap_)
    reap_missing();
  settle_uncertain();
  return std::erase_if(exited_, [&](const auto& item) {
    const Process& process = *item.second;
    const bool goes = process.exit_time < time && may_go(process);
    if (goes && on_retired)
      on_retired(process);
    return goes;
  });
}

void ProcessTable::forget_replaced(uint64_t time) {
  for_each([time](Process& process) { process.space.forget_replaced(time); });
}

size_t ProcessTable::memory() const {
  static constexpr size_t kNode = 32;
  size_t bytes = 0;
  const auto add = [&](const Process& process) {
    bytes += sizeof(Process) + kNode + process.comm.capacity() + process.space.memory();
  };
  for (const auto& [pid, process] : live_)
    add(*process);
  for (const auto& [pid, process] : exited_)
    add(*process);
  return bytes;
}

} // namespace pprofd
