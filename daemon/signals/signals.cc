#include "daemon/signals/signals.h"

#include <sys/signalfd.h>

#include <cerrno>

namespace pprofd {

namespace {

sigset_t set_of(const std::vector<int>& signals) {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : signals)
    sigaddset(&set, signal);
  return set;
}

} // namespace

Result<Signals> Signals::block(const std::vector<int>& signals) {
  const sigset_t set = set_of(signals);
  if (const int error = pthread_sigmask(SIG_BLOCK, &set, nullptr); error != 0)
    return fail_errno("block signals", error);
  Fd fd(signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
  if (!fd)
    return fail_errno("take signals by descriptor", errno);
  return Signals(std::move(fd));
}

std::vector<int> Signals::take() {
  std::vector<int> signals;
  signalfd_siginfo info{};
  while (read(fd_.get(), &info, sizeof(info)) == sizeof(info))
    signals.push_back(static_cast<int>(info.ssi_signo));
  return signals;
}

void Signals::release(const std::vector<int>& signals) {
  const sigset_t set = set_of(signals);
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

} // namespace pprofd
