// Cgroup paths and what they say: systemd unit, container, pod.
//
// A process stands in one path per hierarchy: one of v2 and any number of v1. On a hybrid host the
// v2 path is often just "/". Values only; any thread.
//
// Source: cgroups(7); systemd's cgroup naming (docs/CGROUP_DELEGATION.md, cg_escape()); the path
// layouts of docker, containerd, CRI-O, podman and the kubelet with both cgroup drivers.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pprofd {

struct CgroupPaths {
  struct Entry {
    int hierarchy = 0;       // 0: v2
    std::string controllers; // "cpu,cpuacct", "name=systemd", empty for v2
    std::string path;        // "/system.slice/cron.service"
  };
  std::vector<Entry> entries;

  // The one that says most: v2's unless it is "/", else systemd's, else the longest; "/" if none.
  [[nodiscard]] std::string_view main() const;
};

// The text of /proc/PID/cgroup. Lines that make no sense are left out.
CgroupPaths parse_cgroups(std::string_view text);

// The systemd unit of a cgroup path: the first component that is a unit but no slice; below a
// user's manager (user@1000.service) that user's own unit. Empty: none.
std::string unit_of(std::string_view path);
// The id of the innermost container, 64 hex digits. Empty: none.
std::string container_of(std::string_view path);
// The pod's uid with dashes, "12345678-9abc-…". Empty: none.
std::string pod_of(std::string_view path);

// The same over all of a process's paths, the main one first.
std::string unit_of(const CgroupPaths& paths);
std::string container_of(const CgroupPaths& paths);
std::string pod_of(const CgroupPaths& paths);

// Whether `path` is `folder` or below it. Both absolute.
bool is_below(std::string_view path, std::string_view folder);

} // namespace pprofd
