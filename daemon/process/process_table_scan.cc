// The part of the process table that reads /proc.
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

#include "daemon/process/deleted.h"
#include "daemon/process/process_table.h"

namespace pprofd {

namespace {

constexpr size_t kMostNeighbours = 4;

// What kind of mapping has this name, in /proc/PID/maps or in a MMAP record.
MappingKind kind_of(std::string_view name) {
  // Shared memory without a file of its own still has one inside the kernel.
  static constexpr std::array<std::string_view, 3> kSharedAnonymous = {"/dev/zero (deleted)",
                                                                       "/SYSV", "/anon_hugepage"};
  static constexpr std::array<std::string_view, 5> kAnonymous = {"//anon", "[heap]", "[stack",
                                                                 "[anon:", "[anon_shmem:"};
  const auto begins = [&](std::string_view prefix) { return name.starts_with(prefix); };
  if (name.empty() || std::ranges::any_of(kAnonymous, begins))
    return MappingKind::anonymous;
  if (name.ends_with(kDeleted) && std::ranges::any_of(kSharedAnonymous, begins))
    return MappingKind::anonymous;
  if (name.starts_with('/'))
    return MappingKind::file;
  if (name == "[vdso]")
    return MappingKind::vdso;
  if (name == "[vsyscall]")
    return MappingKind::vsyscall;
  return MappingKind::other;
}

} // namespace

Result<size_t> ProcessTable::scan_all() {
  const Result<std::vector<pid_t>> pids = proc_.pids();
  if (!pids)
    return std::unexpected(pids.error());
  size_t found = 0;
  for (const pid_t pid : *pids)
    found += scan(pid) ? 1 : 0;
  return found;
}

bool ProcessTable::scan(pid_t pid) {
  return read(pid) != nullptr;
}

Process* ProcessTable::read(pid_t pid) {
  const uint64_t known_since = options_.clocks.monotonic();
  ++stats_.scans;
  auto read_in_time = calls_.value_of("scan " + std::to_string(pid), proc_.owner(pid).value_or(0),
                                      options_.scan_deadline,
                                      [proc = proc_, pid] { return read_snapshot(proc, pid); });
  if (!read_in_time)
    ++stats_.scan_timeouts;
  const std::optional<ProcSnapshot> snapshot =
      read_in_time ? std::move(*read_in_time) : read_snapshot_without_maps(proc_, pid);
  if (!snapshot) {
    ++stats_.scan_failures;
    return nullptr;
  }
  return install(pid, *snapshot, known_since);
}

Process* ProcessTable::install(pid_t pid, const ProcSnapshot& snapshot, uint64_t known_since) {
  Process* process = live_process(pid);
  if (process != nullptr && !process->started_at_tick(snapshot.stat.start_ticks)) {
    ++stats_.pid_reuses;
    mark_exited(pid, known_since);
    process = nullptr;
  }
  const bool is_new = process == nullptr || process->upkeep.known_since == 0;
  if (process == nullptr)
    process = &create(pid);
  if (process->start_precision != StartPrecision::exact || is_new) {
    process->start_time = time_of_ticks(snapshot.stat.start_ticks);
    process->start_precision = StartPrecision::tick;
  }
  Process::Upkeep& upkeep = process->upkeep;
  upkeep.known_since = known_since;
  upkeep.loss_epoch = loss_epoch_;
  upkeep.threads = snapshot.stat.threads;
  upkeep.threads_exact = false;
  process->ghost = false;
  take_identity(*process, snapshot);
  take_mappings(*process, snapshot, is_new ? 0 : known_since);
  if (is_new && on_new_process)
    on_new_process(*process);
  if (snapshot.dead) {
    mark_exited(pid, known_since);
  } else if (snapshot.accessible != pid && !process->kernel_thread) {
    upkeep.leader_exited = true;
    uncertain_.insert(pid);
  }
  return process;
}

void ProcessTable::take_identity(Process& process, const ProcSnapshot& snapshot) {
  process.comm = snapshot.stat.comm;
  process.parent = snapshot.stat.parent;
  process.uid = snapshot.uid;
  process.kernel_thread = snapshot.stat.kernel_thread();
  process.maps_unreadable = snapshot.maps_unreadable;
  if (!snapshot.cgroup.empty())
    process.cgroups = cgroups_of(snapshot.cgroup);
  if (snapshot.mount_namespace != 0)
    process.mount_namespace = snapshot.mount_namespace;
}

void ProcessTable::take_mappings(Process& process, const ProcSnapshot& snapshot, uint64_t time) {
  if (snapshot.dead || snapshot.maps_unreadable)
    return; // what is known already is the best there is
  std::vector<Mapping> mappings;
  mappings.reserve(snapshot.mappings.size());
  const std::string_view exe = without_deleted(snapshot.exe);
  const bool new_program = !exe.empty() && *process.exe != exe;
  if (new_program) {
    process.exe = std::make_shared<const std::string>(exe);
    process.executable = nullptr;
  }
  const ProcMapping* previous = nullptr;
  for (const ProcMapping& line : snapshot.mappings) {
    // A file's mappings mostly stand together: one look-up for all of them.
    Mapping mapping;
    if (previous != nullptr && previous->inode == line.inode && line.inode != 0 &&
        previous->device == line.device && previous->name == line.name) {
      mapping = mappings.back();
      mapping.start = line.start;
      mapping.end = line.end;
      mapping.offset = line.offset;
    } else {
      mapping = mapping_of(process, snapshot.accessible, line);
    }
    if (mapping.kind == MappingKind::vsyscall)
      continue;
    previous = &line;
    if (process.executable == nullptr && mapping.kind == MappingKind::file &&
        *mapping.name == exe) {
      process.executable = mapping.executable;
      process.exe = mapping.name;
    }
    mappings.push_back(std::move(mapping));
  }
  process.space.assign(std::move(mappings), time);
  mappings_changed(process);
  const bool missed_exec = time != 0 && new_program;
  if (missed_exec)
    ++process.execs;
  if ((missed_exec || process.upkeep.awaits_exe) && on_exec)
    on_exec(process);
  process.upkeep.awaits_exe = false;
}

Mapping ProcessTable::mapping_of(const Process& process, pid_t accessible,
                                 const ProcMapping& line) {
  const MappedFile file{.name = line.name,
                        .build_id = {},
                        .device = line.device,
                        .inode = line.inode,
                        .generation = 0};
  return new_mapping(process, accessible, file, line.start, line.end, line.offset);
}

Mapping ProcessTable::new_mapping(const Process& process, pid_t accessible, const MappedFile& file,
                                  ProcessAddress start, ProcessAddress end, FileOffset offset) {
  Mapping mapping{.start = start,
                  .end = end,
                  .offset = offset,
                  .kind = kind_of(file.name),
                  .executable = nullptr,
                  .name = nullptr};
  if (mapping.kind != MappingKind::file) {
    const bool nameless = file.name.empty() || file.name == *anonymous_name_;
    mapping.name = nameless ? anonymous_name_ : std::make_shared<const std::string>(file.name);
    return mapping;
  }
  const Mapper mapper{.pid = accessible,
                      .start = start,
                      .end = end,
                      .mount_namespace = process.mount_namespace,
                      .uid = process.uid,
                      .others = [this, &process] { return neighbours(process); }};
  mapping.executable = store_.resolve(file, mapper);
  const std::string_view path = without_deleted(file.name);
  mapping.name = *mapping.executable->path == path ? mapping.executable->path
                                                   : std::make_shared<const std::string>(path);
  return mapping;
}

std::vector<pid_t> ProcessTable::neighbours(const Process& process) const {
  std::vector<pid_t> pids;
  if (process.mount_namespace == 0)
    return pids;
  if (process.mount_namespace == own_mount_namespace_)
    pids.push_back(::getpid());
  const auto add = [&](const Process& other) {
    const bool fits = &other != &process && other.mount_namespace == process.mount_namespace &&
                      !other.upkeep.leader_exited && !other.kernel_thread;
    if (fits && std::ranges::find(pids, other.pid) == pids.end())
      pids.push_back(other.pid);
  };
  if (const Process* parent = live_process(process.parent))
    add(*parent);
  for (const auto& [pid, other] : live_) {
    if (pids.size() >= kMostNeighbours)
      break;
    add(*other);
  }
  return pids;
}

bool ProcessTable::may_rescan() {
  const uint64_t now = options_.clocks.monotonic();
  const uint64_t earned = (now - budget_counted_at_) / kRescanShare;
  rescan_budget_ = std::min(rescan_budget_ + static_cast<int64_t>(earned), kRescanBurst);
  budget_counted_at_ = now;
  return rescan_budget_ > 0;
}

bool ProcessTable::rescan(Process& process) {
  ++stats_.rescans;
  process.upkeep.loss_epoch = loss_epoch_; // once, whatever comes of it
  const uint64_t began = options_.clocks.monotonic();
  const Process* found = read(process.pid);
  rescan_budget_ -= static_cast<int64_t>(options_.clocks.monotonic() - began);
  return found == &process;
}

void ProcessTable::refresh_surroundings(Process& process) {
  if (const std::optional<uint64_t> space = proc_.mount_namespace(process.pid))
    process.mount_namespace = *space;
  if (const std::optional<std::string> text = proc_.cgroup(process.pid); text && !text->empty())
    process.cgroups = cgroups_of(*text);
  if (const std::optional<uid_t> uid = proc_.owner(process.pid))
    process.uid = *uid;
}

void ProcessTable::refresh_identity(Process& process) {
  if (process.exited)
    return;
  const std::optional<ProcStat> stat = proc_.stat(process.pid);
  if (!stat || !process.started_at_tick(stat->start_ticks))
    return;
  process.comm = stat->comm;
  refresh_surroundings(process);
}

std::shared_ptr<const CgroupPaths> ProcessTable::cgroups_of(const std::string& text) {
  static constexpr size_t kSweepAt = 1024;
  std::weak_ptr<const CgroupPaths>& known = cgroups_[text];
  std::shared_ptr<const CgroupPaths> paths = known.lock();
  if (paths)
    return paths;
  paths = std::make_shared<const CgroupPaths>(parse_cgroups(text));
  known = paths;
  if (cgroups_.size() > kSweepAt)
    std::erase_if(cgroups_, [](const auto& item) { return item.second.expired(); });
  return paths;
}

} // namespace pprofd
