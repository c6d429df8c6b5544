#include "symbolizer/worker/sandbox.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>
#include <utility>

#include "symbolizer/base/fd.h"
#include "symbolizer/base/result.h"
#include "symbolizer/base/sanitized.h"
#include "symbolizer/worker/seccomp.h"

namespace pprofd::symbolizer {
namespace {

constexpr int kNice = 5;
constexpr rlim_t kMaxDescriptors = 16;
constexpr rlim_t kStack = 64 << 20; // deep C++ names; the stack does not count as data
constexpr uid_t kNobody = 65534;

struct User {
  std::string name;
  uid_t uid = kNobody;
  gid_t gid = kNobody;
};

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

// Everything but 0, 1, 2 (which become /dev/null) and the socket.
SandboxMeasure close_descriptors(int socket) {
  Fd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  for (const int fd : {0, 1, 2})
    if (null)
      ::dup2(null.get(), fd);
    else
      ::close(fd);
  null.reset();
  if (::close_range(3, static_cast<unsigned>(socket) - 1, 0) != 0 && socket > 3)
    return from_errno("descriptors", -1, "");
  return from_errno("descriptors", ::close_range(static_cast<unsigned>(socket) + 1, ~0U, 0),
                    "only the socket");
}

SandboxMeasure lower_priority() {
  errno = 0;
  const int value = ::nice(kNice);
  return from_errno("priority", errno == 0 ? 0 : -1, "nice " + std::to_string(value));
}

// Memory pressure takes the worker first: it loses names only.
SandboxMeasure offer_to_oom_killer() {
  const Fd file(::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC));
  const bool done = file && ::write(file.get(), "1000", 4) == 4;
  return from_errno("oom", done ? 0 : -1, "first to be killed when memory runs out");
}

int set_limit(__rlimit_resource resource, rlim_t value) {
  rlimit limit{};
  ::getrlimit(resource, &limit);
  if (limit.rlim_max != RLIM_INFINITY && value > limit.rlim_max)
    value = limit.rlim_max;
  limit = {.rlim_cur = value, .rlim_max = value};
  return ::setrlimit(resource, &limit);
}

std::vector<SandboxMeasure> set_limits(uint64_t memory) {
  std::vector<SandboxMeasure> done;
  if (kSanitized)
    done.push_back(refused("memory", "built with a sanitizer, which maps terabytes"));
  else
    done.push_back(
        from_errno("memory", set_limit(RLIMIT_DATA, memory), std::to_string(memory) + " bytes"));
  done.push_back(from_errno("stack", set_limit(RLIMIT_STACK, kStack), "64 MiB"));
  done.push_back(from_errno("core", set_limit(RLIMIT_CORE, 0), "no core files"));
  done.push_back(from_errno("files", set_limit(RLIMIT_FSIZE, 0), "writes none"));
  done.push_back(from_errno("open files", set_limit(RLIMIT_NOFILE, kMaxDescriptors),
                            std::to_string(kMaxDescriptors)));
  return done;
}

// The service's own user where the package made one, else nobody. Read from /etc/passwd itself:
// name services would load libraries and may ask the network.
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

std::vector<SandboxMeasure> enter_sandbox(const SandboxOptions& options) {
  std::vector<SandboxMeasure> done;
  done.push_back(close_descriptors(options.socket));
  done.push_back(lower_priority());
  done.push_back(offer_to_oom_killer());
  ::chdir("/");
  SandboxMeasure bounding = drop_bounding_set();
  done.push_back(change_user());
  done.push_back(drop_capabilities());
  done.push_back(std::move(bounding));
  done.push_back(from_errno("no_new_privs", ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "set"));
  done.push_back(from_errno("not dumpable", ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0), "set"));
  for (SandboxMeasure& limit : set_limits(options.memory_limit))
    done.push_back(std::move(limit));
  const std::string why = load_seccomp_filter();
  done.push_back(why.empty() ? applied("seccomp", "a list of allowed system calls")
                             : refused("seccomp", why));
  return done;
}

} // namespace pprofd::symbolizer
