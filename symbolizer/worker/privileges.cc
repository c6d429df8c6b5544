#include "symbolizer/worker/privileges.h"

#include <grp.h>
#include <pwd.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <memory>
#include <string_view>
#include <type_traits>
#include <utility>

#include "symbolizer/base/result.h"

namespace pprofd::symbolizer {
namespace {

// Without the capability the process keeps its uid, which the parent's file permissions and
// non-dumpable still protect from.
SandboxMeasure change_user() {
  const User user = unprivileged_user();
  const std::string now = "stays uid " + std::to_string(::geteuid());
  if (::setgroups(0, nullptr) != 0)
    return refused("user", now + ": clear groups: " + errno_text(errno));
  if (::setresgid(user.gid, user.gid, user.gid) != 0)
    return refused("user", now + ": change group: " + errno_text(errno));
  if (::setresuid(user.uid, user.uid, user.uid) != 0)
    return refused("user", now + ": change user: " + errno_text(errno));
  return applied("user", user.name + " (uid " + std::to_string(user.uid) + ")");
}

// The bounding set needs CAP_SETPCAP, hence goes before the user changes.
SandboxMeasure drop_bounding_set() {
  int result = 0;
  for (cap_value_t cap = 0; cap_get_bound(cap) >= 0; ++cap)
    if (cap_get_bound(cap) == 1 && cap_drop_bound(cap) != 0)
      result = -1;
  return from_errno("bounding set", result, "empty");
}

SandboxMeasure drop_capabilities() {
  cap_reset_ambient();
  const std::unique_ptr<std::remove_pointer_t<cap_t>, int (*)(void*)> none(cap_init(), cap_free);
  return from_errno("capabilities", cap_set_proc(none.get()), "none");
}

} // namespace

SandboxMeasure applied(std::string name, std::string detail) {
  return {.name = std::move(name), .applied = true, .detail = std::move(detail)};
}

SandboxMeasure refused(std::string name, std::string why) {
  return {.name = std::move(name), .applied = false, .detail = std::move(why)};
}

SandboxMeasure from_errno(std::string name, int result, std::string detail) {
  const int error = errno;
  return result == 0 ? applied(std::move(name), std::move(detail))
                     : refused(std::move(name), errno_text(error));
}

int set_limit(__rlimit_resource resource, rlim_t value) {
  rlimit limit{};
  ::getrlimit(resource, &limit);
  if (limit.rlim_max != RLIM_INFINITY && value > limit.rlim_max)
    value = limit.rlim_max;
  limit = {.rlim_cur = value, .rlim_max = value};
  return ::setrlimit(resource, &limit);
}

User unprivileged_user() {
  const std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen("/etc/passwd", "re"), std::fclose);
  User user{.name = "nobody"};
  while (const passwd* entry = file ? ::fgetpwent(file.get()) : nullptr) {
    const std::string_view name(entry->pw_name);
    if (entry->pw_uid == 0 || (name != "pprofd" && name != "nobody"))
      continue;
    user = {.name = std::string(name), .uid = entry->pw_uid, .gid = entry->pw_gid};
    if (name == "pprofd")
      break;
  }
  return user;
}

std::vector<SandboxMeasure> drop_privileges() {
  std::vector<SandboxMeasure> done;
  SandboxMeasure bounding = drop_bounding_set();
  done.push_back(change_user());
  done.push_back(drop_capabilities());
  done.push_back(std::move(bounding));
  done.push_back(from_errno("no_new_privs", ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "set"));
  done.push_back(from_errno("not dumpable", ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0), "set"));
  return done;
}

} // namespace pprofd::symbolizer
