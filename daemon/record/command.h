// The command of `record -- COMMAND`: started as the user who called sudo, held back until sampling
// is on, so that its first instruction is profiled.
//
// One thread. Between prepare() and release() the child waits in pprofd's own image.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "symbolizer/base/fd.h"
#include "symbolizer/base/result.h"

namespace pprofd {

class Command {
public:
  // Forks a child that waits for release(). as_root: keep root's identity under sudo.
  static Result<Command> prepare(const std::vector<std::string>& argv, bool as_root);
  ~Command(); // a child that was never released ends
  Command(Command&&) = default;
  Command& operator=(Command&&) = default;

  [[nodiscard]] pid_t pid() const { return pid_; }
  // Lets the child execute the program. Fails where it can't (not found, not executable).
  Result<void> release();
  // The wait status once the command has ended; does not block.
  std::optional<int> poll();
  // Waits for its end.
  int wait();

private:
  Command(pid_t pid, std::string name, Fd go, Fd failure)
      : pid_(pid), name_(std::move(name)), go_(std::move(go)), failure_(std::move(failure)) {}

  pid_t pid_;
  std::string name_;
  Fd go_;      // written or closed: the child goes on
  Fd failure_; // errno of a failed exec
  std::optional<int> status_;
};

// The exit status a shell would show: the command's own, or 128 + signal.
int shell_status(int wait_status);

} // namespace pprofd
