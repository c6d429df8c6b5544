#include "daemon/process/proc_snapshot.h"

#include <utility>

namespace pprofd {

namespace {

std::optional<ProcSnapshot> read_basics(const ProcFs& proc, pid_t pid) {
  std::optional<ProcStat> stat = proc.stat(pid);
  if (!stat)
    return std::nullopt;
  ProcSnapshot snapshot;
  snapshot.stat = std::move(*stat);
  snapshot.uid = proc.owner(pid).value_or(0);
  snapshot.cgroup = proc.cgroup(pid).value_or(std::string());
  if (snapshot.stat.kernel_thread())
    return snapshot;
  snapshot.accessible = proc.accessible_thread(pid);
  snapshot.dead = snapshot.accessible == 0;
  snapshot.mount_namespace = proc.mount_namespace(snapshot.accessible).value_or(0);
  return snapshot;
}

} // namespace

std::optional<ProcSnapshot> read_snapshot(const ProcFs& proc, pid_t pid) {
  std::optional<ProcSnapshot> snapshot = read_basics(proc, pid);
  if (!snapshot || snapshot->stat.kernel_thread() || snapshot->dead)
    return snapshot;
  snapshot->exe = proc.exe(snapshot->accessible).value_or(std::string());
  if (Result<std::vector<ProcMapping>> mappings = proc.maps(snapshot->accessible))
    snapshot->mappings = std::move(*mappings);
  else
    snapshot->maps_unreadable = true;
  const std::optional<ProcStat> after = proc.stat(pid);
  if (!after || after->start_ticks != snapshot->stat.start_ticks)
    return std::nullopt;
  return snapshot;
}

std::optional<ProcSnapshot> read_snapshot_without_maps(const ProcFs& proc, pid_t pid) {
  std::optional<ProcSnapshot> snapshot = read_basics(proc, pid);
  if (snapshot)
    snapshot->maps_unreadable = !snapshot->stat.kernel_thread() && !snapshot->dead;
  return snapshot;
}

} // namespace pprofd
