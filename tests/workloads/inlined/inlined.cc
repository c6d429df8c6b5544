// A hot loop three functions deep of which two are inlined, until SIGTERM. Comments name the lines
// that a profile must show.
#include <csignal>
#include <cstdint>
#include <cstdio>

#include "tests/workloads/workload.h"

volatile std::sig_atomic_t stopped = 0;
volatile std::uint64_t result = 0;

namespace hot {

// Long chains on the line that works: whether the loop's own instructions are blamed for the last
// of them is up to the processor.
inline std::uint64_t mix(std::uint64_t x) { // mix starts
  for (int i = 0; i < 1000; ++i)
    x = (((((x ^ (x >> 7)) * 0x9e3779b97f4a7c15ULL) ^ 21) * 0x9e37) ^ 42) * 0x85eb; // mix works
  return x;
}

template <typename Count> inline std::uint64_t spin(Count rounds) { // spin starts
  std::uint64_t sum = 1;
  for (Count i = 0; i < rounds; ++i)
    sum = mix(sum + i); // spin calls mix
  return sum;
}

} // namespace hot

WORKLOAD_NOINLINE void outer(int rounds) { // outer starts
  result = hot::spin<int>(rounds);         // outer calls spin
}

int main() {
  std::signal(SIGTERM, [](int) { stopped = 1; });
  std::puts("ready");
  std::fflush(stdout);
  while (stopped == 0)
    outer(100);
}
