// Privileges that a process of ours gives up for good: the user, groups, capabilities. For the
// worker and for the process that faces the network. Each measure is tried on its own (sandbox.h).
//
// Sources: capabilities(7), prctl(2), setrlimit(2), credentials(7).
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <string>
#include <vector>

#include "symbolizer/worker/sandbox.h"

namespace pprofd::symbolizer {

inline constexpr uid_t kNobody = 65534;

struct User {
  std::string name;
  uid_t uid = kNobody;
  gid_t gid = kNobody;
};

// The service's own user where the package made one, else nobody. Read from /etc/passwd itself:
// name services would load libraries and may ask the network.
User unprivileged_user();

// User, capabilities, bounding set, no_new_privs, not dumpable. Must run on the process's only
// thread.
std::vector<SandboxMeasure> drop_privileges();

// Lowers a limit for good; below the hard limit that there is. 0, or -1 with errno.
int set_limit(__rlimit_resource resource, rlim_t value);

SandboxMeasure applied(std::string name, std::string detail);
SandboxMeasure refused(std::string name, std::string why);
// By a system call's result and errno.
SandboxMeasure from_errno(std::string name, int result, std::string detail);

} // namespace pprofd::symbolizer
