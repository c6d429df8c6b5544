// Ctrl-C and its kin as something to poll for: the first one ends the recording, not the output.
//
// While an object lives, SIGINT, SIGTERM, SIGHUP and SIGCHLD are blocked in the thread that made
// it (make it before other threads start, so that all of them inherit that) and arrive here.
#pragma once

#include <csignal>

#include "symbolizer/base/fd.h"
#include "symbolizer/base/result.h"

namespace pprofd {

class StopSignals {
public:
  static Result<StopSignals> block();

  // Readable when a signal has come.
  [[nodiscard]] int fd() const { return fd_.get(); }
  // Takes what has come. True once a signal asked to stop; SIGCHLD only wakes.
  bool take();
  // From now on the next SIGINT or SIGTERM ends the process at once.
  void release();

private:
  explicit StopSignals(Fd fd) : fd_(std::move(fd)) {}

  Fd fd_;
  bool stop_ = false;
};

} // namespace pprofd
