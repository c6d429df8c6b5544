#include "daemon/record/stop_signals.h"

#include <sys/signalfd.h>

#include <cerrno>

namespace pprofd {

namespace {

sigset_t stop_set() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP})
    sigaddset(&set, signal);
  return set;
}

} // namespace

Result<StopSignals> StopSignals::block() {
  sigset_t set = stop_set();
  sigaddset(&set, SIGCHLD);
  if (const int error = pthread_sigmask(SIG_BLOCK, &set, nullptr); error != 0)
    return fail_errno("block signals", error);
  Fd fd(signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
  if (!fd)
    return fail_errno("take signals by descriptor", errno);
  return StopSignals(std::move(fd));
}

bool StopSignals::take() {
  signalfd_siginfo info{};
  while (read(fd_.get(), &info, sizeof(info)) == sizeof(info))
    stop_ = stop_ || info.ssi_signo != SIGCHLD;
  return stop_;
}

void StopSignals::release() {
  const sigset_t set = stop_set();
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

} // namespace pprofd
