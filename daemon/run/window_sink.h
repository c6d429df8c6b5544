// Where the windows' profiles go.
#pragma once

#include "proto/serve.pb.h"
#include "symbolizer/base/result.h"

namespace pprofd {

// Called by one thread at a time, which may be made to wait for the disk.
class WindowSink {
public:
  virtual ~WindowSink() = default;

  virtual Result<void> put(serve::WindowProfile profile) = 0;
};

} // namespace pprofd
