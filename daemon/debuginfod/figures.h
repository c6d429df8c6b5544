// What has come of asking debuginfod servers. Plain data.
#pragma once

#include <chrono>
#include <cstdint>

namespace pprofd {

struct DebuginfodFigures {
  uint64_t found = 0;
  uint64_t missing = 0;                 // no server has it
  uint64_t failed = 0;                  // a server that may have it did not answer
  uint64_t unusable = 0;                // what came is no ELF file, or too large
  uint64_t other_build = 0;             // what came is another file
  uint64_t bytes = 0;                   // of what was found
  uint64_t restarts = 0;                // of the process, that nobody asked for
  std::chrono::nanoseconds cpu_time{0}; // of the process
  uint64_t anonymous_bytes = 0;         // of it, at present
};

} // namespace pprofd
