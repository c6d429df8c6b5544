#include "daemon/perf/perf_event.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace pprofd {

std::expected<Fd, int> perf_event_open(perf_event_attr attr, pid_t pid, int cpu, int group_fd,
                                       uint64_t flags) {
  attr.size = sizeof(attr);
  const long fd = ::syscall(SYS_perf_event_open, &attr, pid, cpu, group_fd,
                            static_cast<unsigned long>(flags) | PERF_FLAG_FD_CLOEXEC);
  if (fd < 0)
    return std::unexpected(errno);
  return Fd(static_cast<int>(fd));
}

Error perf_event_error(std::string what, int error_number) {
  std::string hint;
  switch (error_number) {
  case EACCES:
  case EPERM:
    hint = "run as root, or give the program CAP_PERFMON (CAP_SYS_ADMIN where "
           "kernel.perf_event_paranoid is above 2), or lower kernel.perf_event_paranoid";
    break;
  case EMFILE:
  case ENFILE:
    hint = "raise the limit on open files (ulimit -n, LimitNOFILE=)";
    break;
  case ENOENT:
  case EOPNOTSUPP:
    hint = "this machine has no such event; virtual machines often lack hardware events: use "
           "cpu-clock";
    break;
  case ENOSYS:
    hint = "this kernel was built without perf events (CONFIG_PERF_EVENTS), or a seccomp filter "
           "forbids perf_event_open";
    break;
  default:
    break;
  }
  return {std::move(what), errno_text(error_number), std::move(hint)};
}

} // namespace pprofd
