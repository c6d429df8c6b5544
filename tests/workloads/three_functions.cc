// three_functions CPU_SECONDS: alpha, beta and gamma share the CPU time 6:3:1, exactly.
//
// Each function runs until the thread's CPU clock reaches its deadline; the deadlines are absolute,
// so that what one turn overshoots is taken from the next: the shares hold to one chunk of work
// over the whole run, whatever the compiler made of the loops. The length of a round varies, so
// that it can't fall into step with a sampler.
//
// At the end prints "alpha=NS beta=NS gamma_=NS cpu=NS", measured by the same clock.
#include "tests/workloads/workload.h"

namespace {

constexpr int64_t kUnitNs = 50'000; // a tenth of a round of average length

WORKLOAD_NOINLINE void spin_until(int64_t deadline) {
  while (thread_cpu_ns() < deadline)
    workload_chunk();
}

} // namespace

// The work after the call keeps the functions on the stack: no tail call.
extern "C" {
WORKLOAD_NOINLINE int64_t alpha(int64_t deadline) {
  spin_until(deadline);
  return thread_cpu_ns();
}
WORKLOAD_NOINLINE int64_t beta(int64_t deadline) {
  spin_until(deadline);
  return thread_cpu_ns();
}
WORKLOAD_NOINLINE int64_t gamma_(int64_t deadline) {
  spin_until(deadline);
  return thread_cpu_ns();
}
}

int main(int argc, char** argv) {
  const double seconds = argc > 1 ? atof(argv[1]) : 1e9;
  workload_stop_on_signal();
  workload_ready();
  const int64_t begin = thread_cpu_ns();
  const auto end = begin + static_cast<int64_t>(seconds * 1e9);
  int64_t planned = begin;
  int64_t now = begin;
  int64_t spent[3] = {0, 0, 0};
  uint32_t random = 12345;
  while (now < end && workload_stop_requested == 0) {
    random = random * 1664525U + 1013904223U;
    const int64_t unit = kUnitNs / 2 + static_cast<int64_t>(random >> 16) % kUnitNs;
    const int64_t before = now;
    now = alpha(planned += 6 * unit);
    spent[0] += now - before;
    const int64_t after_alpha = now;
    now = beta(planned += 3 * unit);
    spent[1] += now - after_alpha;
    const int64_t after_beta = now;
    now = gamma_(planned += unit);
    spent[2] += now - after_beta;
  }
  printf("alpha=%ld beta=%ld gamma_=%ld cpu=%ld\n", spent[0], spent[1], spent[2], process_cpu_ns());
  return 0;
}
