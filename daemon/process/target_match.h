// Who is meant by --comm, --exe, --cgroup, --unit and --container: each makes a predicate on
// processes from what the user wrote, or says what is wrong with it.
//
// Predicates hold no reference to their arguments and read nothing from the system when called.
// Making them reads the file system (symbolic links, mount points). Any thread.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "daemon/process/process.h"
#include "symbolizer/base/result.h"

namespace pprofd {

using ProcessPredicate = std::function<bool(const Process&)>;

// The exact name of the process. The kernel keeps 15 bytes of it: a longer NAME matches a process
// whose name is its first 15 bytes, unless the program's own file name shows that it is another.
Result<ProcessPredicate> match_comm(std::string_view name);

// The program file: the path as the process sees it, or the same file (device and inode) under
// another name, such as a symbolic link or a container's view. Relative paths are taken from the
// working directory.
Result<ProcessPredicate> match_exe(std::string_view path);

// A cgroup and all below it, in any v1 or v2 hierarchy: as in /proc/PID/cgroup ("/system.slice/
// cron.service") or under the mount point ("/sys/fs/cgroup/system.slice/cron.service").
Result<ProcessPredicate> match_cgroup(std::string_view path,
                                      const std::string& mountinfo = "/proc/self/mountinfo");

// A systemd unit; without a known ending a service. Escapes ("\x2d") may be written or not.
Result<ProcessPredicate> match_unit(std::string_view unit);

// A container by its id, 12 to 64 hex digits from its beginning.
Result<ProcessPredicate> match_container(std::string_view id);

} // namespace pprofd
