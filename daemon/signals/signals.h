// Signals as something to poll for: the first Ctrl-C ends a recording, not its output; SIGHUP
// reloads the service's configuration.
//
// While an object lives, the signals it was made for are blocked in the thread that made it (make
// it before other threads start, so that all of them inherit that) and arrive here.
#pragma once

#include <csignal>
#include <vector>

#include "symbolizer/base/fd.h"
#include "symbolizer/base/result.h"

namespace pprofd {

class Signals {
public:
  static Result<Signals> block(const std::vector<int>& signals);

  // Readable when a signal has come.
  [[nodiscard]] int fd() const { return fd_.get(); }
  // Those that have come since the last call, in their order.
  std::vector<int> take();
  // From now on the next of these does what it does by default.
  static void release(const std::vector<int>& signals);

private:
  explicit Signals(Fd fd) : fd_(std::move(fd)) {}

  Fd fd_;
};

} // namespace pprofd
