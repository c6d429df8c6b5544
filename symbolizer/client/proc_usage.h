// What a process has used so far, as /proc tells.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>

namespace pprofd::symbolizer {

struct ProcUsage {
  std::chrono::nanoseconds cpu_time{0}; // user and system, in ticks of 10 ms
  uint64_t anonymous_bytes = 0;         // RssAnon + RssShmem
};

// Zeros where the process is gone. Any thread.
ProcUsage read_usage(pid_t pid);

} // namespace pprofd::symbolizer
