#include "symbolizer/client/process.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>
#include <vector>

#include "symbolizer/worker/worker_main.h"

namespace pprofd::symbolizer {
namespace {

// Owns the description of how to start a child; remembers the first error.
class Spawn {
public:
  Spawn() {
    check(::posix_spawn_file_actions_init(&actions_));
    check(::posix_spawnattr_init(&attributes_));
  }
  Spawn(const Spawn&) = delete;
  Spawn& operator=(const Spawn&) = delete;
  ~Spawn() {
    ::posix_spawn_file_actions_destroy(&actions_);
    ::posix_spawnattr_destroy(&attributes_);
  }

  // The descriptors become kFirst, kFirst + 1, …
  void pass(std::span<const int> descriptors) {
    for (const int fd : {0, 1, 2})
      check(::posix_spawn_file_actions_addopen(&actions_, fd, "/dev/null", O_RDWR, 0));
    const int end = kFirst + static_cast<int>(descriptors.size());
    for (size_t i = 0; i < descriptors.size(); ++i) {
      // Out of the way of those that get their numbers before it.
      held_.emplace_back(::fcntl(descriptors[i], F_DUPFD_CLOEXEC, end));
      if (!held_.back())
        check(errno);
      check(::posix_spawn_file_actions_adddup2(&actions_, held_.back().get(),
                                               kFirst + static_cast<int>(i)));
    }
    check(::posix_spawn_file_actions_addclosefrom_np(&actions_, end));
  }

  void isolate() {
    sigset_t all;
    ::sigfillset(&all);
    sigset_t none;
    ::sigemptyset(&none);
    check(::posix_spawnattr_setsigdefault(&attributes_, &all));
    check(::posix_spawnattr_setsigmask(&attributes_, &none));
    check(::posix_spawnattr_setpgroup(&attributes_, 0));
    check(::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK |
                                                       POSIX_SPAWN_SETPGROUP));
  }

  Result<pid_t> run(const std::string& program, std::string name, std::string argument) {
    const std::array<char*, 3> arguments = {name.data(), argument.data(), nullptr};
    char* environment = nullptr;
    pid_t pid = 0;
    if (error_ == 0)
      check(::posix_spawn(&pid, program.c_str(), &actions_, &attributes_, arguments.data(),
                          &environment));
    if (error_ != 0)
      return fail_errno("start " + program, error_);
    return pid;
  }

private:
  static constexpr int kFirst = 3;

  void check(int error) {
    if (error_ == 0)
      error_ = error;
  }

  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
  std::vector<Fd> held_;
  int error_ = 0;
};

std::string text_of(int status) {
  if (WIFSIGNALED(status)) {
    const char* name = ::sigabbrev_np(WTERMSIG(status));
    return "was killed by " + (name != nullptr ? "SIG" + std::string(name)
                                               : "signal " + std::to_string(WTERMSIG(status)));
  }
  return "exited with status " + std::to_string(WEXITSTATUS(status));
}

std::chrono::nanoseconds cpu_time_of(const rusage& usage) {
  using namespace std::chrono;
  return seconds(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         microseconds(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

} // namespace

Result<ChildProcess> start_child(const std::string& program, const std::string& name,
                                 const std::string& argument, std::span<const int> descriptors) {
  Spawn spawn;
  spawn.pass(descriptors);
  spawn.isolate();
  const auto pid = spawn.run(program, name, argument);
  if (!pid)
    return std::unexpected(pid.error());
  return ChildProcess(*pid, Fd(static_cast<int>(::syscall(SYS_pidfd_open, *pid, 0))));
}

Result<StartedWorker> start_worker(const std::string& program) {
  static_assert(kWorkerSocket == 3);
  auto ends = Channel::pair();
  if (!ends)
    return std::unexpected(ends.error());
  const std::array<int, 1> sockets = {ends->second.fd()};
  auto process = start_child(program, kWorkerName, kWorkerArgument, sockets);
  if (!process)
    return std::unexpected(process.error());
  return StartedWorker{.process = std::move(*process), .channel = std::move(ends->first)};
}

void ChildProcess::kill() const {
  if (pidfd_)
    ::syscall(SYS_pidfd_send_signal, pidfd_.get(), SIGKILL, nullptr, 0);
}

bool ChildProcess::has_ended(std::chrono::milliseconds patience) const {
  pollfd entry{.fd = pidfd_.get(), .events = POLLIN, .revents = 0};
  return !pidfd_ || ::poll(&entry, 1, static_cast<int>(patience.count())) > 0;
}

std::optional<ProcessEnd> ChildProcess::reap(std::chrono::milliseconds patience) const {
  if (!has_ended(patience))
    return std::nullopt;
  int status = 0;
  rusage usage{};
  const pid_t reaped = ::wait4(pid_, &status, WNOHANG, &usage);
  if (reaped == pid_)
    return ProcessEnd{.text = text_of(status), .cpu_time = cpu_time_of(usage)};
  if (reaped == 0)
    return std::nullopt;
  return ProcessEnd{.text = "ended"}; // somebody else took the status
}

} // namespace pprofd::symbolizer
