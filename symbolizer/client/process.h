// One worker process: started, watched, ended, reaped. One thread at a time.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <span>
#include <string>

#include "symbolizer/base/fd.h"
#include "symbolizer/base/result.h"
#include "symbolizer/protocol/channel.h"

namespace pprofd::symbolizer {

// How a process ended.
struct ProcessEnd {
  std::string text; // "was killed by SIGSEGV", "exited with status 1"
  std::chrono::nanoseconds cpu_time{0};
};

// A child that may be a zombie for a while: where SIGKILL does not end it at once (it waits for a
// disk) it is reaped later.
class ChildProcess {
public:
  ChildProcess(pid_t pid, Fd pidfd) : pid_(pid), pidfd_(std::move(pidfd)) {}

  [[nodiscard]] pid_t pid() const { return pid_; }
  // Waits for the end; nothing: it still runs.
  std::optional<ProcessEnd> reap(std::chrono::milliseconds patience) const;
  void kill() const;
  [[nodiscard]] bool has_ended(std::chrono::milliseconds patience) const;

private:
  pid_t pid_;
  Fd pidfd_;
};

// Starts `program` with `name` as argv[0] and one argument, in a process group of its own, so that
// Ctrl-C ends the profiler in order and not its children; without environment; with no descriptors
// but 0, 1 and 2 (/dev/null) and `descriptors`, which become 3, 4, …
Result<ChildProcess> start_child(const std::string& program, const std::string& name,
                                 const std::string& argument, std::span<const int> descriptors);

struct StartedWorker {
  ChildProcess process;
  Channel channel;
};

// Starts `program` as a worker (worker_main.h), with no descriptor but the socket.
Result<StartedWorker> start_worker(const std::string& program);

} // namespace pprofd::symbolizer
