#include "symbolizer/worker/sandbox.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>
#include <utility>

#include "symbolizer/base/fd.h"
#include "symbolizer/base/result.h"
#include "symbolizer/base/sanitized.h"
#include "symbolizer/worker/privileges.h"
#include "symbolizer/worker/seccomp.h"

namespace pprofd::symbolizer {
namespace {

constexpr int kNice = 5; // below the parent
constexpr int kBackgroundNice = 10;
constexpr rlim_t kMaxDescriptors = 16;
constexpr rlim_t kStack = 64 << 20; // deep C++ names; the stack does not count as data

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

SandboxMeasure lower_priority(bool background) {
  errno = 0;
  const int parents = ::getpriority(PRIO_PROCESS, 0);
  const int value = ::nice(background ? std::max(kBackgroundNice - parents, kNice) : kNice);
  return from_errno("priority", errno == 0 ? 0 : -1, "nice " + std::to_string(value));
}

// Memory pressure takes the worker first: it loses names only.
SandboxMeasure offer_to_oom_killer() {
  const Fd file(::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC));
  const bool done = file && ::write(file.get(), "1000", 4) == 4;
  return from_errno("oom", done ? 0 : -1, "first to be killed when memory runs out");
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

} // namespace

std::vector<SandboxMeasure> enter_sandbox(const SandboxOptions& options) {
  std::vector<SandboxMeasure> done;
  done.push_back(close_descriptors(options.socket));
  done.push_back(lower_priority(options.background));
  done.push_back(offer_to_oom_killer());
  ::chdir("/");
  for (SandboxMeasure& measure : drop_privileges())
    done.push_back(std::move(measure));
  for (SandboxMeasure& limit : set_limits(options.memory_limit))
    done.push_back(std::move(limit));
  const std::string why = load_seccomp_filter();
  done.push_back(why.empty() ? applied("seccomp", "a list of allowed system calls")
                             : refused("seccomp", why));
  return done;
}

} // namespace pprofd::symbolizer
