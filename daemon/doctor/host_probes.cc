#include <sys/utsname.h>

#include <algorithm>

#include "daemon/doctor/probe_groups.h"

namespace pprofd {
namespace {

Probe kernel_probe(const Host& host) {
  utsname name{};
  ::uname(&name);
  return {.id = "kernel",
          .title = "kernel",
          .result =
              "Linux " + host.release() + ", " + name.machine + ", CPUs " + host.online_cpus()};
}

Probe pid_namespace_probe(const Host& host) {
  Probe probe{.id = "pid-namespace", .title = "pid namespace"};
  if (!host.in_initial_pid_namespace())
    return failed(std::move(probe), "not the host's",
                  std::string(kNoRecording) +
                      ": the kernel names processes by the host's pids, which /proc lacks here",
                  "run it with the host's pids (docker: --pid=host, Kubernetes: hostPID: true)");
  probe.result = "the host's";
  return probe;
}

Probe user_namespace_probe(const Host& host) {
  Probe probe{.id = "user-namespace", .title = "user namespace"};
  if (!host.in_initial_user_namespace())
    return warned(std::move(probe), "not the host's", "root has no power over the host here",
                  "run it outside the user namespace (not in a rootless container)");
  probe.result = "the host's";
  return probe;
}

Probe lockdown_probe(const Host& host) {
  Probe probe{.id = "lockdown", .title = "kernel lockdown"};
  const std::string mode = host.lockdown();
  if (mode == "confidentiality")
    return warned(std::move(probe), mode, "BPF programs may not read the kernel's memory",
                  "boot with lockdown=integrity");
  probe.result = mode.empty() ? "none" : mode;
  return probe;
}

Probe cgroup_probe(const Host& host) {
  Probe probe{.id = "cgroups", .title = "cgroups"};
  std::string v2;
  std::string v1;
  for (const Mount& mount : host.mounts()) {
    if (mount.type != "cgroup" && mount.type != "cgroup2")
      continue;
    std::string& list = mount.type == "cgroup2" ? v2 : v1;
    list.append(list.empty() ? "" : ", ").append(mount.point);
  }
  if (v1.empty() && v2.empty())
    return warned(std::move(probe), "none are mounted",
                  "--cgroup, --unit and --container may match nothing",
                  "mount the cgroup file system: mount -t cgroup2 none /sys/fs/cgroup");
  if (v1.empty())
    probe.result = "v2 at " + v2;
  else if (v2.empty())
    probe.result = "v1 at " + v1;
  else
    probe.result = "hybrid: v2 at " + v2 + "; v1 at " + v1;
  return probe;
}

Probe tracefs_probe(const Host& host) {
  const std::vector<Mount> mounts = host.mounts();
  const auto found = std::ranges::find(mounts, "tracefs", &Mount::type);
  const std::string where = found == mounts.end() ? "not mounted" : "mounted at " + found->point;
  return {.id = "tracefs", .title = "tracefs", .result = where + "; not needed"};
}

} // namespace

std::vector<Probe> host_probes(const ProbeContext& context) {
  const Host& host = context.host;
  return {kernel_probe(host),   pid_namespace_probe(host), user_namespace_probe(host),
          lockdown_probe(host), cgroup_probe(host),        tracefs_probe(host)};
}

} // namespace pprofd
